// Updates the page once a second with the picture of the swarm, by server-sent events.

import { choose } from "./control.js";
import { Graph, shares } from "./graph.js";
import { copies, fresh, strip } from "./maps.js";
import { clock, completion, count, duration, holding, percent, rate, size, withReason } from "./words.js";

/** Milliseconds after which the page says that its picture is old. */
const OLD = 2000;
/** Milliseconds until a new connection, growing with each failure. */
const SOONEST = 500;
const LATEST = 8000;
/** Parts that are fetched again when clients or torrents come or go. */
const PARTS = ["clients", "torrents", "control-client", "control-torrent"];
const BADGES = { running: "badge-good", starting: "badge-info", dead: "badge-bad", "cut off": "badge-warn" };

const swarm = document.getElementById("swarm");
const stale = document.getElementById("stale");
const graph = new Graph(document.getElementById("graph"), choose);
/** Boxes of piece maps that were complete before, by torrent and client. */
const before = new Map();
let source = null;
let retry = 0;
let failures = 0;
let heard = performance.now();
let newest = -1;
let loading = false;
let last = null;

const cell = (holder, name) => holder?.querySelector(`[data-cell="${name}"]`);
const byData = (name) => new Map([...swarm.querySelectorAll(`[data-${name}]`)].map((it) => [it.dataset[name], it]));

function write(node, text) {
  if (node && node.textContent !== String(text)) node.textContent = text;
}

function draw(path, d) {
  if (path.getAttribute("d") !== d) path.setAttribute("d", d);
}

function showFigures(picture) {
  const share = percent(picture.sent_by_leechers, picture.sent);
  const complete = picture.torrents.filter((it) => it.completed !== null).length;
  write(cell(document, "clock"), clock(picture.at));
  const moving = picture.edges.reduce((sum, it) => sum + it.rate, 0);
  write(cell(swarm, "moving"), moving === 0 ? "nothing" : rate(moving));
  write(cell(swarm, "sent"), size(picture.sent));
  write(cell(swarm, "share"), `${share} %`);
  write(cell(swarm, "complete"), `${complete} of ${picture.torrents.length}`);
  document.getElementById("share").setAttribute("width", share);
  const programs = new Set(picture.clients.map((it) => it.kind)).size;
  const all = picture.torrents.reduce((sum, it) => sum + it.size, 0);
  write(
    cell(document, "summary"),
    `${count(picture.clients.length, "client", "clients")} of ${count(programs, "program", "programs")} share ` +
      `${count(picture.torrents.length, "torrent", "torrents")}, ${size(all)} in all.`,
  );
}

function showClients(picture) {
  const rows = byData("client");
  picture.clients.forEach((client, place) => {
    const row = rows.get(client.name);
    if (!row) return;
    const { done, all } = shares(picture, place);
    const state = cell(row, "state");
    write(state, withReason(client.state, client.reason));
    state.className = `badge ${BADGES[client.state] ?? ""}`;
    write(cell(row, "age"), client.age > OLD ? `answered ${duration(Math.floor(client.age / 1000))} ago` : "");
    write(cell(row, "version"), client.version);
    write(cell(row, "has"), `${percent(done, all)} %`);
    write(cell(row, "sending"), rate(client.sending));
    write(cell(row, "fetching"), rate(client.fetching));
    write(cell(row, "limit"), client.rate === null ? "" : `${client.rate} KiB/s`);
  });
}

function showCounts(card, torrent) {
  ["seeders", "leechers"].forEach((name, place) => {
    write(cell(card, name), torrent.clients[place]);
    const counted = card.querySelector(`[data-counted="${name}"]`);
    const differs = torrent.tracker !== null && torrent.tracker[place] !== torrent.clients[place];
    counted.classList.toggle("differs", differs);
    counted.firstElementChild.hidden = !differs;
    write(counted.lastElementChild, torrent.tracker === null ? "–" : torrent.tracker[place]);
  });
}

function showHolder(row, holder, torrent) {
  const drawing = row.querySelector("svg");
  const [part, all] = drawing.querySelectorAll("path:not(.strip-fresh)");
  const paths = strip(holder, torrent);
  const key = `${torrent.id} ${row.dataset.holder}`;
  draw(part, paths.part);
  draw(all, paths.whole);
  all.setAttribute("class", `strip-all strip-${holder.activity}`);
  write(cell(row, "words"), holding(holder, torrent));
  const arrived = fresh(before.get(key) ?? paths.places, paths.places);
  before.set(key, paths.places);
  drawing.querySelector(".strip-fresh")?.remove();
  if (arrived === "") return;
  const flash = all.cloneNode();
  flash.setAttribute("class", "strip-fresh");
  flash.setAttribute("d", arrived);
  drawing.append(flash);
}

function showTorrents(picture) {
  const cards = byData("torrent");
  for (const torrent of picture.torrents) {
    const card = cards.get(String(torrent.id));
    if (!card) continue;
    write(cell(card, "completion"), completion(torrent, picture.clients.length));
    showCounts(card, torrent);
    const { area, fewest } = copies(torrent);
    draw(card.querySelector(".copies path"), area);
    write(cell(card, "fewest"), fewest);
    write(cell(card, "holders"), torrent.holders.length);
    const rows = new Map([...card.querySelectorAll("[data-holder]")].map((it) => [it.dataset.holder, it]));
    for (const holder of torrent.holders) {
      const row = rows.get(picture.clients[holder.client]?.name);
      if (row) showHolder(row, holder, torrent);
    }
  }
}

function rowOf(cells, numbers) {
  const row = document.createElement("tr");
  cells.forEach((text, place) => {
    const it = document.createElement("td");
    it.textContent = text;
    if (numbers.includes(place)) it.className = "number";
    row.append(it);
  });
  return row;
}

function showTables(picture) {
  const links = document.getElementById("links");
  write(cell(swarm, "links"), picture.edges.length);
  if (links.closest("details").open) {
    const fastest = [...picture.edges].sort((a, b) => b.rate - a.rate);
    const name = (place) => picture.clients[place]?.name ?? "";
    const title = (place) => picture.torrents[place]?.title ?? "";
    const rows = fastest.map((it) => rowOf([name(it.from), name(it.to), title(it.torrent), rate(it.rate)], [3]));
    links.tBodies[0].replaceChildren(...rows);
  }
  const announces = document.getElementById("announces").tBodies[0];
  const known = JSON.stringify(picture.announces);
  if (announces.known === known) return;
  announces.known = known;
  announces.replaceChildren(
    ...picture.announces.map((it) => rowOf([clock(it.at), it.client, it.torrent, it.event || "regular", it.answer], [0])),
  );
}

function showOutside({ outside }) {
  const list = document.getElementById("outside");
  write(cell(swarm, "outside"), outside.length === 0 ? "Nothing so far." : `${count(outside.length, "packet", "packets")}.`);
  for (const packet of outside.slice(list.children.length)) {
    const item = document.createElement("li");
    item.textContent = packet;
    list.append(item);
  }
}

function showLessons(picture) {
  const list = document.getElementById("lessons");
  for (const lesson of picture.lessons.slice(list.children.length)) {
    const item = document.createElement("li");
    const add = (name, text, look) => {
      const it = document.createElement(name);
      it.textContent = text;
      if (look) it.className = look;
      item.append(it);
    };
    add("h3", lesson.title);
    add("p", lesson.text);
    add("p", `at ${clock(lesson.at)}`, "lesson-clock");
    item.className = "lesson-new";
    list.prepend(item);
  }
}

function showNotices({ notices }) {
  const list = document.getElementById("notices");
  const newest = Number(list.firstElementChild?.dataset.notice ?? 0);
  for (const { number, at, source, text, trouble } of notices.filter((it) => it.number > newest).reverse()) {
    const item = document.createElement("li");
    const [when, what, name] = ["span", "span", "strong"].map((it) => document.createElement(it));
    item.dataset.notice = number;
    item.classList.toggle("notice-trouble", trouble);
    when.className = "notice-clock";
    when.textContent = clock(at);
    name.textContent = source;
    what.append(name, ` ${text}`);
    item.append(when, " ", what);
    list.prepend(item);
  }
  while (list.children.length > notices.length) list.lastElementChild.remove();
}

/** Whether the page has rows that the picture lacks, or lacks rows that the picture has. */
function differs(picture) {
  const same = (name, keys) => [...byData(name).keys()].join("\n") === keys.join("\n");
  if (!same("client", picture.clients.map((it) => it.name))) return true;
  if (!same("torrent", picture.torrents.map((it) => String(it.id)))) return true;
  const holders = picture.torrents.flatMap((it) => it.holders.map((holder) => picture.clients[holder.client]?.name));
  return [...swarm.querySelectorAll("[data-holder]")].map((it) => it.dataset.holder).join("\n") !== holders.join("\n");
}

/** Replaces rows and choices by those of a page that the server has just made. */
async function load() {
  if (loading) return;
  loading = true;
  try {
    const answer = await fetch("/demo");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of PARTS) {
      const [old, made] = [document.getElementById(id), page.getElementById(id)];
      if (!old || !made) continue;
      const chosen = old.value;
      const focused = old.contains(document.activeElement);
      old.replaceChildren(...made.childNodes);
      if (chosen !== undefined && [...old.options].some((it) => it.value === chosen)) old.value = chosen;
      if (focused) old.focus();
    }
    if (last) show(last);
  } finally {
    loading = false;
  }
}

function show(picture) {
  last = picture;
  showFigures(picture);
  showClients(picture);
  showTorrents(picture);
  showTables(picture);
  showLessons(picture);
  showNotices(picture);
  showOutside(picture);
  graph.show(picture);
}

function hear(event) {
  failures = 0;
  const picture = JSON.parse(event.data);
  // The same picture again does not count as fresh: its painter may hang.
  if (picture.at === newest) return;
  newest = picture.at;
  heard = performance.now();
  watch();
  show(picture);
  if (differs(picture)) load().catch(() => {});
}

/** Shows or hides the message that the picture is old. */
function watch() {
  const age = performance.now() - heard;
  const old = age > OLD;
  swarm.classList.toggle("stale", old);
  if (stale.hidden !== !old) {
    stale.hidden = !old;
    stale.textContent = old ? "No news of the swarm for more than 2 seconds: what is shown here is old." : "";
  }
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function open() {
  close();
  source = new EventSource("/demo/events");
  source.addEventListener("picture", hear);
  source.addEventListener("error", () => {
    close();
    retry = setTimeout(open, Math.min(LATEST, SOONEST * 1.5 ** failures));
    if (failures === 1) lead().catch(() => {});
    failures += 1;
  });
}

/** Reloads the page if the session has ended: it leads to signing in. */
async function lead() {
  const { status } = await fetch("/demo/picture");
  if (status === 401) location.reload();
}

// The tables are open if there is no graph, and if there is room for both.
document.getElementById("numbers").open = matchMedia("(min-width: 1200px)").matches;
document.getElementById("legend").hidden = false;
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", (event) => event.persisted && open());
window.addEventListener("resize", () => last && graph.show(last));
setInterval(watch, 250);
if (!document.hidden) open();
