// Two unmodified clients transfer a file of 20 MB through the real tracker, each once as seeder and once as leecher.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { claim, download, upload } from "./support/api.mjs";
import { awaitCounts, launch, openPage, shownCounts } from "./support/browser.mjs";
import { startAria2, startLibtorrent } from "./support/clients.mjs";
import { startProduct } from "./support/product.mjs";
import { makeTorrent, sha256 } from "./support/torrent.mjs";
import { until } from "./support/until.mjs";

const SIZE = 20_000_000;
const SLOW = 100_000; // Bytes per second: the page is seen with a leecher before the limit is lifted.
const CLIENTS = { aria2: startAria2, libtorrent: startLibtorrent };

let product, browser, folder, content, seeder, leecher, id, live, plain;

before(async () => {
  product = await startProduct();
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "fairywren-clients-"));
  content = randomBytes(SIZE);
  seeder = await claim(product.invite, "sower", "a long enough password");
  const invited = await seeder.call("/invites", { method: "POST", json: {}, status: 201 });
  leecher = await claim((await invited.json()).url, "reaper", "another long password");
});

after(async () => {
  await browser?.close();
  await product?.stop();
  if (folder) await rm(folder, { recursive: true });
});

test("the page of a new upload shows no peers", async () => {
  const { metainfo } = makeTorrent("field.bin", content, { pieceLength: 1 << 18 });
  ({ id } = await upload(seeder, "field.torrent", metainfo));
  live = await openTorrent({ javaScriptEnabled: true }, leecher);
  plain = await openTorrent({ javaScriptEnabled: false }, seeder);
  await expectCounts({ seeders: 0, leechers: 0, snatched: 0 });
});

for (const [round, [from, to]] of [["libtorrent", "aria2"], ["aria2", "libtorrent"]].entries()) {
  test(`${from} seeds, ${to} leeches`, async () => {
    const running = [];
    const start = async (client, member, place, limit) => {
      const torrent = join(folder, `${client}-${member.username}-${round}.torrent`);
      await writeFile(torrent, await download(member, id));
      running.push(await CLIENTS[client](torrent, place, limit));
      return running.at(-1);
    };
    try {
      const home = await makePlace(`home-${round}`);
      await writeFile(join(home, "field.bin"), content);
      await start(from, seeder, home);
      await expectCounts({ seeders: 1, leechers: 0, snatched: round });

      const away = await makePlace(`away-${round}`);
      const receiving = await start(to, leecher, away, SLOW);
      await expectCounts({ seeders: 1, leechers: 1, snatched: round });

      await receiving.unlimited();
      await expectCounts({ seeders: 2, leechers: 0, snatched: 1 }); // Once a member, whatever the round.
      assert.equal(sha256(await readFile(join(away, "field.bin"))), sha256(content), "byte-identical");
    } catch (error) {
      error.message += `\n${running.map((it) => it.output()).join("\n")}`;
      throw error;
    } finally {
      await Promise.all(running.map((it) => it.stop()));
    }
    await expectCounts({ seeders: 0, leechers: 0, snatched: 1 });
  });
}

test("account pages show what clients moved, the torrent's page shows its snatches", async () => {
  const moved = async (member, kind) => {
    const answer = await member.call(`/users/${member.user.id}`);
    return (await answer.json()).totals[kind];
  };
  // Twice the file, and a few per cent for blocks that were sent again or thrown away.
  for (const [member, kind] of [[leecher, "downloaded"], [seeder, "uploaded"]]) {
    const isIt = (bytes) => bytes >= 2 * SIZE && bytes < 2.1 * SIZE;
    await until(`${member.username} has ${kind} ${2 * SIZE} bytes`, async () => isIt(await moved(member, kind)));
  }
  const account = await openTorrent({ javaScriptEnabled: false }, leecher);
  await account.goto(`${product.site}/account`);
  assert.match(await account.locator(".counts-words").innerText(), /3[89](\.\d)? MiB/);
  await account.goto(`${product.site}/torrents/${id}`);
  assert.ok(await account.getByRole("heading", { name: "Your transfer" }).isVisible());
  await plain.reload();
  const finished = plain.locator(".card", { has: plain.getByRole("heading", { name: "Finished by" }) });
  assert.match(await finished.innerText(), /reaper/);
});

test("the console of the open page is empty", () => {
  assert.deepEqual(live.complaints(), []);
});

async function makePlace(name) {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}

async function openTorrent(options, { username, password }) {
  const context = await browser.newContext(options);
  const signedIn = await context.request.post(`${product.site}/api/session`, { data: { username, password } });
  assert.ok(signedIn.ok(), `${signedIn.status()}`);
  const page = await openPage(context);
  await page.goto(`${product.site}/torrents/${id}`);
  return page;
}

/** Waits for counts on the page that stays open, and reads them on a page that is reloaded without scripts. */
async function expectCounts(expected) {
  await awaitCounts(live, id, expected);
  await plain.reload();
  const text = Object.fromEntries(Object.entries(expected).map(([kind, number]) => [kind, String(number)]));
  assert.deepEqual(await shownCounts(plain, id), text, "counts of a page without scripts");
}
