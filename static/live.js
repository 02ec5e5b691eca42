// Updates the counts of every [data-torrent-id] on the page by server-sent events.
// The server sends the present state first, so that a new connection makes up for missed events.

const DASH = "–";
// Milliseconds until a new connection: shorter than the browser's own, growing with each failure, and random, so that not
// all open pages connect at once.
const SOONEST = 400;
const LATEST = 15_000;
const base = document.body.dataset.base ?? "";
const rows = new Map();
let source = null;
let retry = 0;
let failures = 0;

for (const row of document.querySelectorAll("[data-torrent-id]")) {
  const id = Number(row.dataset.torrentId);
  rows.set(id, [...(rows.get(id) ?? []), row]);
}

function write(cell, value) {
  const text = value === null || value === undefined ? DASH : String(value);
  if (cell.textContent.trim() === text) return;
  cell.textContent = text;
  cell.classList.remove("changed");
  void cell.offsetWidth; // Restarts the animation.
  cell.classList.add("changed");
}

function show(event) {
  failures = 0;
  const counts = JSON.parse(event.data);
  for (const row of rows.get(counts.id) ?? []) {
    for (const cell of row.querySelectorAll("[data-count]")) write(cell, counts[cell.dataset.count]);
  }
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function open() {
  close();
  source = new EventSource(`${base}/api/live?torrents=${[...rows.keys()].join(",")}`);
  source.addEventListener("counts", show);
  source.addEventListener("error", () => {
    close();
    retry = setTimeout(open, Math.min(LATEST, SOONEST * 1.5 ** failures) * (0.75 + Math.random() / 2));
    failures += 1;
  });
}

if (rows.size > 0) {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
}
