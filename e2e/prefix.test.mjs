// The site below a path, as behind a proxy shared with other sites, with the data of an earlier start.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { announce, choose, download, fill, press } from "./support/actions.mjs";
import { claim } from "./support/api.mjs";
import { awaitCounts, launch, openPage } from "./support/browser.mjs";
import { freePort } from "./support/port.mjs";
import { startProduct } from "./support/product.mjs";
import { announceAddress, decode, encode, makeTorrent, sha1 } from "./support/torrent.mjs";

let product, browser, page, ada;

before(async () => {
  const first = await startProduct();
  ada = await claim(first.invite, "ada", "a long enough password");
  await first.stop({ keep: true });
  await moveTo("/birds", join(first.data, "fairywren.conf.json"));
  product = await startProduct({ data: first.data, options: [] });
  browser = await launch();
  page = await openPage(await browser.newContext());
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

/** Moves site and tracker of the configuration `file` below `path`, to free ports. */
async function moveTo(path, file) {
  const config = JSON.parse(await readFile(file, "utf8"));
  const [site, tracker] = await Promise.all([freePort(), freePort()]);
  config.webapi = { ...config.webapi, listen: `127.0.0.1:${site}` };
  config.tracker = { ...config.tracker, listen: [`127.0.0.1:${tracker}`] };
  config.apiUrl = `http://127.0.0.1:${site}${path}`;
  config.trackerUrl = `http://127.0.0.1:${tracker}${path}`;
  config.pathDepth = 1;
  await writeFile(file, JSON.stringify(config));
}

test("an account of the earlier start signs in", async () => {
  assert.equal(product.invite, undefined, "there is an account already");
  await page.goto(product.site);
  await fill(page, { Name: "ada", Password: ada.password });
  await press(page, "Sign in");
  assert.equal(page.url(), `${product.site}/`);
  const cookies = await page.context().cookies(product.site);
  assert.ok(cookies.length > 0 && cookies.every((it) => it.path === "/birds"), "cookies are limited to the path");
});

test("upload, download and live counts work", async () => {
  await page.getByRole("link", { name: "Upload", exact: true }).click();
  await choose(page, "wren.torrent", makeTorrent("wren.flac", Buffer.alloc(70_000, "wren")).metainfo);
  await press(page, "Upload");
  await page.waitForURL(/\/birds\/torrents\/\d+/);
  const ours = decode((await download(page)).bytes);
  assert.ok(ours.announce.toString().startsWith(`${product.tracker}/announce/`));
  assert.ok(ours.comment.toString().startsWith(`${product.site}/torrents/`));
  const id = new URL(page.url()).pathname.split("/").pop();
  const fields = { port: 6881, uploaded: 0, downloaded: 0, left: 0, event: "started" };
  await announce(announceAddress(ours.announce.toString(), sha1(encode(ours.info)), "-qB5130-aaaaaaaaaaaa", fields));
  await awaitCounts(page, id, { seeders: 1, leechers: 0, snatched: 0 });
});

test("every link on every page is below the path and works", async () => {
  const seen = new Set();
  const waiting = [`${product.site}/`];
  while (waiting.length > 0) {
    const address = waiting.pop();
    if (seen.has(address)) continue;
    seen.add(address);
    const answer = await page.request.get(address);
    assert.equal(answer.status(), 200, address);
    if (!answer.headers()["content-type"].startsWith("text/html")) continue;
    for (const [, path] of (await answer.text()).matchAll(/\b(?:href|src)="(\/[^"#]*)/g)) {
      assert.ok(path.startsWith("/birds/"), `${path} on ${address}`);
      waiting.push(new URL(path.replaceAll("&amp;", "&"), address).href);
    }
  }
  assert.ok(seen.size > 20, `only ${seen.size} addresses`);
});

test("the console is empty, and signing out works", async () => {
  await press(page, "Sign out");
  assert.equal(new URL(page.url()).pathname, "/birds/sign-in");
  assert.deepEqual(page.complaints(), []);
});
