// Draws clients around the tracker, with lines where bytes move. The tables of the page say the same.

import { Labels } from "./labels.js";
import { percent, rate as words } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
/** Animated lines at most; more would load a small machine that runs the swarm as well. */
const MOVING = 40;
/** Bytes a second above which a line is thicker than the thinnest. */
const THIN = 16 * 1024;
/** Width, in letter heights, from which a ring has room for names beside it. */
const RING = 42;
/** Most clients that are drawn with names; more stand in a ring without names. */
const NAMED = 18;
/** Distance between the clients of a column, in letter heights. */
const ROW = 5.8;
/** Radius, in letter heights, from which text inside can be read. */
const LEGIBLE = 0.8;
const ROLES = ["origin", "done", "part", "away"];

function element(name, attributes, ...children) {
  const it = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.append(...children);
  return it;
}

/** Makes a graph in `holder`; `choose` is called with the name of a clicked client. */
export class Graph {
  #holder;
  #choose;
  #shape = null;
  #key = "";
  #nodes = [];
  #lines = new Map();
  #layer = null;
  #labels = null;
  #announced = -1;
  /** The client under the mouse. */
  #over = -1;

  constructor(holder, choose) {
    this.#holder = holder;
    this.#choose = choose;
  }

  show(picture) {
    this.#holder.hidden = false;
    const names = picture.clients.map((it) => it.name);
    const shape = shapeOf(this.#holder.clientWidth, names.length);
    const key = JSON.stringify([shape, names]);
    if (key !== this.#key) this.#build(shape, picture);
    this.#key = key;
    picture.clients.forEach((client, place) => this.#showNode(this.#nodes[place], client, shares(picture, place)));
    this.#showLines(picture);
    this.#showAnnounces(picture);
  }

  #build(shape, picture) {
    this.#shape = shape;
    this.#lines.clear();
    const { width, height, letter, ring, hub } = shape;
    this.#nodes = picture.clients.map((client, place) => this.#makeNode(client, place, picture.clients.length));
    this.#layer = element("g", {});
    const tracker = element("g", { class: "tracker", transform: `translate(${width / 2} ${hub})` });
    const box = { x: -2.9 * letter, y: -1.25 * letter, width: 5.8 * letter, height: 2.5 * letter };
    tracker.append(
      element("rect", { ...box, rx: 0.6 * letter }),
      element("text", { y: 0.35 * letter, "text-anchor": "middle" }, "tracker"),
    );
    const taken = this.#nodes.flatMap((it) => it.boxes);
    taken.push({ ...box, x: width / 2 + box.x, y: hub + box.y });
    this.#labels = new Labels(letter, taken, width);
    this.#holder.replaceChildren(
      element(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, width, height, class: ring ? "graph-ring" : "graph-columns" },
        ...this.#nodes.map((it) => it.wire),
        this.#layer,
        tracker,
        ...this.#nodes.map((it) => it.group),
        this.#labels.layer,
      ),
    );
  }

  #makeNode(client, place, number) {
    const { width, letter, named, hub } = this.#shape;
    const { x, y, text } = placeOf(this.#shape, place, number);
    const size = Math.min(1.7 * letter, (20 * letter) / Math.max(12, number) + 0.25 * letter);
    const around = 2 * Math.PI * size;
    const ring = element("circle", { class: "node-ring", r: size, transform: "rotate(-90)" });
    const inner = element("text", { class: "node-inner", y: 0.3 * letter, "text-anchor": "middle" });
    const group = element("g", { class: "node", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
    group.append(element("circle", { class: "node-ground", r: size }), ring, inner);
    const made = { group, ring, inner, around, x, y, size };
    made.boxes = [{ x: x - size, y: y - size, width: 2 * size, height: 2 * size }];
    group.append(element("title", {}, client.name));
    if (named) {
      const { dx, dy, anchor } = text;
      made.rates = element("text", { class: "node-rates", x: dx, y: dy + 1.15 * letter, "text-anchor": anchor });
      group.append(element("text", { x: dx, y: dy, "text-anchor": anchor }, client.name), made.rates);
      const long = 9.5 * letter;
      const left = { start: 0, middle: long / 2, end: long }[anchor];
      made.boxes.push({ x: x + dx - left, y: y + dy - letter, width: long, height: 2.5 * letter });
    }
    made.wire = element("path", { class: "wire", d: `M${x} ${y}L${width / 2} ${hub}` });
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
    write(node.inner, node.size < LEGIBLE * this.#shape.letter ? "" : within);
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
    const named = this.#shape.named ? fastest : [];
    this.#labels.show(named.map(([key, { rate }]) => ({ key, rate, text: words(rate), line: this.#lines.get(key) })));
    this.#point(this.#over);
  }

  #makeLine(key, from, to) {
    const { width, height, ring } = this.#shape;
    const [a, b] = [this.#nodes[from], this.#nodes[to]];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy) || 1;
    // Curved towards the middle and to one side, so that both directions of a pair are visible.
    const bend = 0.12 * length;
    const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
    // From a column to the middle, past the names in the column.
    const [inward, level] = ring ? [0.3, 0.3] : [0.8, 0];
    const [cx, cy] = [
      mx + (width / 2 - mx) * inward - (dy / length) * bend,
      my + (height / 2 - my) * level + (dx / length) * bend,
    ];
    const ends = [shorten(a, cx, cy, a.size), shorten(b, cx, cy, b.size + 3)];
    const d = `M${ends[0]}Q${cx.toFixed(1)} ${cy.toFixed(1)} ${ends[1]}`;
    const line = element("path", { d, class: "edge" }, element("title", {}));
    this.#layer.append(line);
    this.#lines.set(key, line);
    return line;
  }

  /** Shows only the lines of the client at index `place`; all lines for -1. */
  #point(place) {
    this.#over = place;
    const aside = (key) => place >= 0 && !key.split(" ").map(Number).includes(place);
    for (const [key, line] of this.#lines) line.classList.toggle("edge-aside", aside(key));
    this.#labels.set(aside);
  }

  /** Lights up the wire of each client that has just announced. */
  #showAnnounces(picture) {
    const latest = picture.announces[0]?.at ?? -1;
    const from = this.#announced;
    this.#announced = Math.max(latest, from);
    if (from < 0) return;
    for (const { at, client } of picture.announces) {
      if (at <= from) break;
      const wire = this.#nodes[picture.clients.findIndex((it) => it.name === client)]?.wire;
      if (!wire) continue;
      const again = wire.cloneNode(); // Restarts its animation.
      again.classList.add("wire-lit");
      wire.replaceWith(again);
      this.#nodes.find((it) => it.wire === wire).wire = again;
    }
  }
}

/** The share that a client has of all its torrents, and whether it was given all of it. */
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

/** The size of the drawing, in units in which letters are as high as on the page. The tracker is at `hub`. */
function shapeOf(width, number) {
  const letter = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const named = number <= NAMED;
  const ring = width >= RING * letter || !named;
  if (ring) {
    const height = Math.min(width, Math.max(30 * letter, Math.min(0.66 * width, 0.72 * window.innerHeight)));
    return { width, height: Math.round(height), letter, named, ring, hub: Math.round(height / 2) };
  }
  const rows = Math.max(2, Math.ceil(number / 2));
  const hub = (Math.floor((rows - 1) / 2) * ROW + 2) * letter;
  return { width, height: Math.round((rows * ROW + 0.4) * letter), letter, named, ring, hub };
}

/** The position of a client and of its name: in a ring, or in two columns if the ring would be too narrow. */
function placeOf({ width, height, letter, named, ring }, place, number) {
  if (!ring) {
    const [left, row] = [place % 2 === 0, Math.floor(place / 2)];
    const side = 1.9 * letter;
    const text = { dx: left ? -side : side, dy: 2.7 * letter, anchor: left ? "start" : "end" };
    return { x: left ? side : width - side, y: (row * ROW + 2) * letter, text };
  }
  const [aside, above] = named ? [13, 4.6] : [2.5, 2.5];
  const angle = (2 * Math.PI * place) / Math.max(1, number) - Math.PI / 2;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const [x, y] = [width / 2 + (width / 2 - aside * letter) * dx, height / 2 + (height / 2 - above * letter) * dy];
  if (Math.abs(dx) < 0.15) {
    return { x, y, text: { dx: 0, dy: (dy < 0 ? -3.5 : 2.9) * letter, anchor: "middle" } };
  }
  return { x, y, text: { dx: Math.sign(dx) * 2.4 * letter, dy: -0.15 * letter, anchor: dx < 0 ? "end" : "start" } };
}

function shorten({ x, y }, cx, cy, by) {
  const length = Math.hypot(cx - x, cy - y) || 1;
  return `${(x + ((cx - x) / length) * by).toFixed(1)} ${(y + ((cy - y) / length) * by).toFixed(1)}`;
}

/** A name shortened to fit a circle: "tr12" for "transmission-12". */
function short(name) {
  const [, word, number] = /^(.{0,2}).*?(\d*)$/u.exec(name);
  return word + number;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
