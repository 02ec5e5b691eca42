// libtorrent seeds a file to libtorrent through the real tracker over UDP, with `udp://` announce URLs.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { claim, download, signIn, upload } from "./support/api.mjs";
import { startLibtorrent } from "./support/clients.mjs";
import { freePort } from "./support/port.mjs";
import { startProduct } from "./support/product.mjs";
import { decode, encode, makeTorrent, sha256 } from "./support/torrent.mjs";
import { until } from "./support/until.mjs";

let product, port, folder, seeder, leecher, id;
const content = randomBytes(5_000_000);

before(async () => {
  const first = await startProduct();
  await claim(first.invite, "sower", "a long enough password");
  await first.stop({ keep: true });
  port = await freePort();
  const file = join(first.data, "fairywren.conf.json");
  const config = JSON.parse(await readFile(file, "utf8"));
  config.tracker = { ...config.tracker, udpListen: [`127.0.0.1:${port}`] };
  await writeFile(file, JSON.stringify(config));
  product = await startProduct({ data: first.data });
  seeder = await signIn(product.site, "sower", "a long enough password");
  const invited = await seeder.call("/invites", { method: "POST", json: {}, status: 201 });
  leecher = await claim((await invited.json()).url, "reaper", "another long password");
  folder = await mkdtemp(join(tmpdir(), "fairywren-udp-"));
  ({ id } = await upload(seeder, "field.torrent", makeTorrent("field.bin", content, { pieceLength: 1 << 18 }).metainfo));
});

after(async () => {
  await product?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** Writes the member's own .torrent with a `udp://` announce URL; returns its path. */
async function overUdp(member) {
  const { announce, ...others } = decode(await download(member, id));
  const url = new URL(announce.toString());
  const path = join(folder, `${member.username}.torrent`);
  await writeFile(path, encode({ ...others, announce: `udp://127.0.0.1:${port}${url.pathname}` }));
  return path;
}

async function expectCounts(seeders, leechers, snatched) {
  const expected = { seeders, leechers, snatched };
  await until(`the counts are ${JSON.stringify(expected)}`, async () => {
    const answer = await (await leecher.call(`/torrents/${id}`)).json();
    return Object.entries(expected).every(([name, count]) => answer[name] === count);
  });
}

test("libtorrent seeds to libtorrent over UDP", async () => {
  const running = [];
  try {
    const [home, away] = ["home", "away"].map((name) => join(folder, name));
    await Promise.all([home, away].map((path) => mkdir(path)));
    await writeFile(join(home, "field.bin"), content);
    running.push(startLibtorrent(await overUdp(seeder), home));
    await expectCounts(1, 0, 0);
    running.push(startLibtorrent(await overUdp(leecher), away));
    await expectCounts(2, 0, 1);
    assert.equal(sha256(await readFile(join(away, "field.bin"))), sha256(content), "byte-identical");
  } catch (error) {
    error.message += `\n${running.map((it) => it.output()).join("\n")}`;
    throw error;
  } finally {
    await Promise.all(running.map((it) => it.stop()));
  }
  await expectCounts(0, 0, 1);
});
