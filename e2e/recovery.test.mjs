// An open page shows the right counts again by itself, whichever process was killed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { claim, download, upload } from "./support/api.mjs";
import { awaitCounts, launch, openPage } from "./support/browser.mjs";
import { startProduct } from "./support/product.mjs";
import { announceAddress, decode, encode, makeTorrent, sha1 } from "./support/torrent.mjs";
import { until } from "./support/until.mjs";

const LENGTH = 100_000;

let product, browser, page, id, announce;

before(async () => {
  product = await startProduct();
  browser = await launch();
  const member = await claim(product.invite, "ada", "a long enough password");
  ({ id } = await upload(member, "heath.torrent", makeTorrent("heath.bin", Buffer.alloc(LENGTH, "heath")).metainfo));
  const ours = decode(await download(member, id));
  announce = (peer, left, event, downloaded = 0) => {
    const fields = { port: 7_000 + peer, uploaded: 0, downloaded, left, event };
    return fetch(announceAddress(ours.announce.toString(), sha1(encode(ours.info)), `-qB5130-00000000000${peer}`, fields));
  };
  const context = await browser.newContext();
  const { username, password } = member;
  await context.request.post(`${product.site}/api/session`, { data: { username, password } });
  page = await openPage(context);
  await page.goto(`${product.site}/torrents/${id}`);
  await page.evaluate(() => (window.stillTheSame = true));
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

test("counts are right after a kill of the site with an announce meanwhile", async () => {
  await announce(1, 0, "started");
  await awaitCounts(page, id, { seeders: 1, leechers: 0, snatched: 0 });
  await product.kill("webapi");
  await announce(2, LENGTH, "started");
  await awaitCounts(page, id, { seeders: 1, leechers: 1, snatched: 0 });
});

test("counts are right after a kill of the tracker", async () => {
  await announce(2, 0, "completed", LENGTH);
  await awaitCounts(page, id, { seeders: 2, leechers: 0, snatched: 1 });
  await product.kill("tracker");
  // The new tracker knows no peers: they come back with their next announce.
  await until("the tracker answers again", () => announce(3, LENGTH, "started"));
  await announce(1, 0, "");
  await announce(2, LENGTH, "stopped");
  await awaitCounts(page, id, { seeders: 1, leechers: 1, snatched: 1 });
});

test("the page was never reloaded", async () => {
  assert.equal(await page.evaluate(() => window.stillTheSame), true);
});
