// Clients in a ring around the tracker, and lines where bytes move. What it shows stands in tables, too.

import { percent, rate as words } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
/** Lines that move; more would keep a small machine busy that runs the swarm as well. */
const MOVING = 40;
/** Bytes a second from which on a line is thicker than the thinnest. */
const THIN = 16 * 1024;
const WIDE = { width: 1000, height: 540, radii: [295, 185], node: 27, wide: true };
const NARROW = { width: 380, height: 380, radii: [155, 155], node: 21, wide: false };
/** Clients whose names have room beside them; the ring of more. */
const NAMED = 18;
const CROWD = [465, 240];
/** Radius from which on something can be read within. */
const LEGIBLE = 13;
const ROLES = ["origin", "done", "part", "away"];

function element(name, attributes, ...children) {
  const it = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.append(...children);
  return it;
}

/** A graph in `holder`; `choose` is called with the name of a client that is clicked on. */
export class Graph {
  #holder;
  #choose;
  #shape = null;
  #names = "";
  #nodes = [];
  #lines = new Map();
  #layer = null;
  #announced = -1;
  /** The client that the mouse is over. */
  #over = -1;

  constructor(holder, choose) {
    this.#holder = holder;
    this.#choose = choose;
  }

  show(picture) {
    this.#holder.hidden = false;
    const shape = this.#holder.clientWidth < 560 ? NARROW : WIDE;
    const names = picture.clients.map((it) => it.name).join("\n");
    if (shape !== this.#shape || names !== this.#names) this.#build(shape, names, picture);
    picture.clients.forEach((client, place) => this.#showNode(this.#nodes[place], client, shares(picture, place)));
    this.#showLines(picture);
    this.#showAnnounces(picture);
  }

  #build(shape, names, picture) {
    this.#shape = shape;
    this.#names = names;
    this.#lines.clear();
    const [x, y] = [shape.width / 2, shape.height / 2];
    this.#nodes = picture.clients.map((client, place) => this.#makeNode(client, place, picture.clients.length));
    this.#layer = element("g", {});
    const tracker = element("g", { class: "tracker", transform: `translate(${x} ${y})` });
    tracker.append(
      element("rect", { x: -46, y: -20, width: 92, height: 40, rx: 10 }),
      element("text", { y: 6, "text-anchor": "middle" }, "tracker"),
    );
    this.#holder.replaceChildren(
      element(
        "svg",
        { viewBox: `0 0 ${shape.width} ${shape.height}`, class: shape.wide ? "graph-wide" : "graph-narrow" },
        ...this.#nodes.map((it) => it.wire),
        this.#layer,
        tracker,
        ...this.#nodes.map((it) => it.group),
      ),
    );
  }

  #makeNode(client, place, number) {
    const { width, height, radii, node, wide } = this.#shape;
    const angle = (2 * Math.PI * place) / Math.max(1, number) - Math.PI / 2;
    const named = wide && number <= NAMED;
    const [rx, ry] = wide && !named ? CROWD : radii;
    const [x, y] = [width / 2 + rx * Math.cos(angle), height / 2 + ry * Math.sin(angle)];
    const size = Math.min(node, (12 * node) / Math.max(12, number) + 4);
    const around = 2 * Math.PI * size;
    const ring = element("circle", { class: "node-ring", r: size, transform: "rotate(-90)" });
    const inner = element("text", { class: "node-inner", y: 5, "text-anchor": "middle" });
    const group = element("g", { class: "node", transform: `translate(${x} ${y})` });
    group.append(element("circle", { class: "node-ground", r: size }), ring, inner);
    const made = { group, ring, inner, around, x, y, size };
    group.append(element("title", {}, client.name));
    if (named) {
      const side = Math.abs(Math.cos(angle)) < 0.3 ? 0 : Math.sign(Math.cos(angle));
      const anchor = ["end", "middle", "start"][side + 1];
      const [dx, dy] = side === 0 ? [0, Math.sin(angle) < 0 ? -size - 28 : size + 22] : [side * (size + 12), -3];
      made.rates = element("text", { class: "node-rates", x: dx, y: dy + 18, "text-anchor": anchor });
      group.append(element("text", { x: dx, y: dy, "text-anchor": anchor }, client.name), made.rates);
    }
    made.wire = element("path", { class: "wire", d: `M${x} ${y}L${width / 2} ${height / 2}` });
    group.addEventListener("click", () => this.#choose(client.name));
    group.addEventListener("pointerenter", () => this.#point(place));
    group.addEventListener("pointerleave", () => this.#point(-1));
    return made;
  }

  #showNode(node, client, { done, all, origin }) {
    const has = percent(done, all);
    const away = ["stopped", "dead", "cut off"].includes(client.state);
    const role = away ? "away" : origin ? "origin" : all > 0 && done >= all ? "done" : "part";
    for (const it of ROLES) node.group.classList.toggle(`node-${it}`, it === role);
    node.ring.setAttribute("stroke-dasharray", `${(node.around * (away ? 100 : has)) / 100} ${node.around}`);
    const within = node.rates ? `${has} %` : short(client.name);
    write(node.inner, node.size < LEGIBLE ? "" : within);
    if (!node.rates) return;
    const rates = [client.sending > 0 && `↑${words(client.sending)}`, client.fetching > 0 && `↓${words(client.fetching)}`];
    write(node.rates, away ? client.state : rates.filter(Boolean).join(" "));
  }

  #showLines(picture) {
    const sums = new Map();
    for (const { from, to, torrent, rate } of picture.edges) {
      if (!this.#nodes[from] || !this.#nodes[to] || rate === 0) continue;
      const key = `${from} ${to}`;
      const sum = sums.get(key) ?? { rate: 0, given: 0 };
      const holder = picture.torrents[torrent]?.holders.find((it) => it.client === from);
      sum.rate += rate;
      if (holder?.origin) sum.given += rate;
      sums.set(key, sum);
    }
    for (const [key, line] of this.#lines) {
      if (sums.has(key)) continue;
      line.remove();
      this.#lines.delete(key);
    }
    const { clients } = picture;
    const fastest = [...sums].sort(([, a], [, b]) => b.rate - a.rate);
    fastest.forEach(([key, { rate, given }], place) => {
      const [from, to] = key.split(" ").map(Number);
      const line = this.#lines.get(key) ?? this.#makeLine(key, from, to);
      const origin = 2 * given > rate;
      line.classList.toggle("edge-origin", origin);
      line.classList.toggle("edge-leecher", !origin);
      line.classList.toggle("edge-moving", place < MOVING);
      write(line.firstElementChild, `${clients[from].name} to ${clients[to].name}: ${words(rate)}`);
      line.setAttribute("stroke-width", (1.3 + 1.5 * Math.log2(1 + rate / THIN / 4)).toFixed(1));
    });
  }

  #makeLine(key, from, to) {
    const { width, height } = this.#shape;
    const [a, b] = [this.#nodes[from], this.#nodes[to]];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy) || 1;
    // Drawn towards the middle, and to one side, so that both directions are seen.
    const bend = 0.12 * length;
    const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
    const [cx, cy] = [mx + (width / 2 - mx) * 0.3 - (dy / length) * bend, my + (height / 2 - my) * 0.3 + (dx / length) * bend];
    const ends = [shorten(a, cx, cy, a.size), shorten(b, cx, cy, b.size + 3)];
    const d = `M${ends[0]}Q${cx.toFixed(1)} ${cy.toFixed(1)} ${ends[1]}`;
    const line = element("path", { d, class: "edge" }, element("title", {}));
    this.#layer.append(line);
    this.#lines.set(key, line);
    this.#point(this.#over);
    return line;
  }

  /** Leaves only the lines of the client at `place`; those of all for -1. */
  #point(place) {
    this.#over = place;
    for (const [key, line] of this.#lines) {
      line.classList.toggle("edge-aside", place >= 0 && !key.split(" ").map(Number).includes(place));
    }
  }

  /** The wire of each client that has just told the tracker something lights up. */
  #showAnnounces(picture) {
    const latest = picture.announces[0]?.at ?? -1;
    const from = this.#announced;
    this.#announced = Math.max(latest, from);
    if (from < 0) return;
    for (const { at, client } of picture.announces) {
      if (at <= from) break;
      const wire = this.#nodes[picture.clients.findIndex((it) => it.name === client)]?.wire;
      if (!wire) continue;
      const again = wire.cloneNode(); // Starts its animation anew.
      again.classList.add("wire-lit");
      wire.replaceWith(again);
      this.#nodes.find((it) => it.wire === wire).wire = again;
    }
  }
}

/** What a client has of all its torrents, and whether it was given all of that. */
export function shares(picture, place) {
  const sum = { done: 0, all: 0, origin: true };
  for (const torrent of picture.torrents) {
    for (const holder of torrent.holders) {
      if (holder.client !== place) continue;
      sum.done += holder.done;
      sum.all += torrent.size;
      sum.origin &&= holder.origin;
    }
  }
  sum.origin &&= sum.all > 0;
  return sum;
}

function shorten({ x, y }, cx, cy, by) {
  const length = Math.hypot(cx - x, cy - y) || 1;
  return `${(x + ((cx - x) / length) * by).toFixed(1)} ${(y + ((cy - y) / length) * by).toFixed(1)}`;
}

/** "transmission-12" in as much as fits into a circle: "tr12". */
function short(name) {
  const [, word, number] = /^(.{0,2}).*?(\d*)$/u.exec(name);
  return word + number;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
