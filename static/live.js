// Keeps the counts on an open page right: every [data-torrent-id] on it, by server-sent events.
// The server sends the present state first, so a new connection mends whatever was missed.

const DASH = "–";
// Milliseconds until a new connection: sooner than a browser would by itself, longer with each one that fails,
// and not all open pages at once.
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
  void cell.offsetWidth; // Starts the animation anew.
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
