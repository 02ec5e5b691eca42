// The demonstration's page is rendered by the server and then by scripts: the same cases as in swarm/src/page/{map,view,words}.rs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "./support/product.mjs";

/** Imports a script of the page by its text: Node would read the .js file as CommonJS. */
async function load(name) {
  const text = await readFile(join(ROOT, "swarm", "static", name), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

const torrent = (pieces, maps) => ({ pieces, size: 1000, holders: maps.map((map) => ({ map, done: 0 })) });

test("numbers and times are shortened", async () => {
  const { clock, count, duration, percent, rate, size } = await load("words.js");
  const sizes = [0, 1023, 1536, 20 << 20, 700 << 20].map(size);
  assert.deepEqual(sizes, ["0 B", "1023 B", "1.5 KiB", "20.0 MiB", "700 MiB"]);
  assert.deepEqual([0, 1536].map(rate), ["–", "1.5 KiB/s"]);
  assert.deepEqual([999, 65_000, 3_723_000].map(clock), ["0:00", "1:05", "1:02:03"]);
  assert.deepEqual([59, 125, 3_780].map(duration), ["59 s", "2 min 5 s", "1 h 3 min"]);
  assert.deepEqual([percent(999, 1000), percent(1000, 1000), percent(5, 0), percent(0, 0)], [99, 100, 100, 0]);
  assert.deepEqual([count(1, "piece", "pieces"), count(2, "piece", "pieces")], ["1 piece", "2 pieces"]);
});

test("completion says when all clients had it, or how far they are", async () => {
  const { completion, holding } = await load("words.js");
  const holder = (done, eta) => ({ activity: done === 4096 ? "seeding" : "leeching", done, eta });
  const say = (clients, completed, ...holders) => completion({ size: 4096, completed, holders }, clients);
  assert.equal(say(2, null, holder(4096, null), holder(1024, 7)), "About 7 s to go");
  assert.equal(say(3, null, holder(4096, null), holder(1024, 7)), "2 clients to go", "one has not begun");
  assert.equal(say(2, null, holder(4096, null), holder(1024, null)), "1 client to go");
  assert.equal(say(1, null, holder(4096, null)), "Nobody lacks anything");
  assert.equal(say(1, 65, holder(4096, null)), "At every client, first after 1 min 5 s");
  assert.equal(say(2, null), "No client has it yet");
  assert.equal(holding({ activity: "failed", done: 1024, reason: "heron" }, { size: 4096 }), "failed, 25 %: heron");
});

test("piece maps are boxes, and many pieces share a box", async () => {
  const { copies, fresh, strip, width } = await load("maps.js");
  const few = torrent(10, ["b0", "e040"]);
  assert.equal(strip(few.holders[0], few).whole, "M0 0h1v1h-1zM2 0h2v1h-2z");
  assert.equal(strip(few.holders[1], few).whole, "M0 0h3v1h-3zM9 0h1v1h-1z");
  const many = torrent(1000, ["ffc0", "e0"]);
  assert.equal(width(many), 200);
  assert.equal(strip(many.holders[0], many).whole, "M0 0h2v1h-2z");
  const { whole, part } = strip(many.holders[1], many);
  assert.deepEqual([whole, part], ["", "M0 0h1v1h-1z"]);
  assert.equal(strip({ map: "", done: 1000 }, torrent(4, [])).whole, "M0 0h4v1h-4z");
  assert.equal(strip({ map: "", done: 999 }, torrent(4, [])).whole, "");
  assert.deepEqual(copies(torrent(4, ["f0", "c0", "80"])), { area: "M0 3V0h1V1h1V2h2V3z", fewest: 1 });
  assert.equal(copies(torrent(2, [])).fewest, 0);
  assert.equal(fresh([true, false, false], [true, true, false]), "M1 0h1v1h-1z");
});
