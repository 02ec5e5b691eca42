// Every page with the longest names, deepest folders and most files, from 320 to 1920 pixels.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { announce, fill, press } from "./support/actions.mjs";
import { launch, openPage } from "./support/browser.mjs";
import { checkPage } from "./support/checks.mjs";
import { startProduct } from "./support/product.mjs";
import { announceAddress, decode, encode, makeFolder, makeTorrent, sha1 } from "./support/torrent.mjs";
import { until } from "./support/until.mjs";
import { checkWidths } from "./support/widths.mjs";

const PASSWORD = "a long enough password";
const NAME = "W".repeat(32);
const LONG = "Unabridged".repeat(18);
const HEBREW = "ציפורי שיר (הקלטות) [2026]";
const DEEP = `${Array.from({ length: 31 }, (_, level) => `level-${String(level).padStart(2, "0")}`).join("/")}/recording.flac`;
const FORKED = Array.from({ length: 12 }, (_, depth) => `${"branching folder/".repeat(depth)}notes of the evening.txt`);
const DESCRIPTION = `# First\n\n###### Sixth\n\n${LONG}\n\n    ${LONG}\n\n| ${"column | ".repeat(12)}\n|${"---|".repeat(12)}\n| ${`${LONG} |`.repeat(12)}\n\n- ${"> ".repeat(6)}deep`;
const EXTENDED = { [LONG.slice(0, 60)]: LONG, Year: 2026 };

let browser, product, page, ids;

before(async () => {
  browser = await launch();
  product = await startProduct();
  page = await openPage(await browser.newContext({ viewport: { width: 1280, height: 900 } }));
  await page.goto(product.invite);
  await fill(page, { Name: NAME, Password: PASSWORD });
  await press(page, "Create account");
  ids = {};
  ids.plain = await add("nightjar.torrent", makeTorrent("nightjar.flac", Buffer.alloc(300_000)).metainfo, "Nightjar field recordings, summer on the heath");
  ids.many = await add("many.torrent", makeFolder("three-thousand-files", Array.from({ length: 3000 }, (_, i) => `part-${i % 7}/file-${i}.bin`)), "Three thousand files");
  ids.deep = await add("deep.torrent", makeFolder("deep", [DEEP, ...FORKED, `${LONG.slice(0, 120)}/${LONG.slice(0, 120)}.bin`]), HEBREW);
  ids.long = await add("long.torrent", makeTorrent("long", Buffer.alloc(100)).metainfo, LONG, { description: DESCRIPTION, extended: JSON.stringify(EXTENDED) });
  for (const id of Object.values(ids)) await join(id);
  await page.goto(`${product.site}/account`);
  await until("the reports of all transfers", async () => {
    await page.reload();
    return (await page.locator(".table tbody tr").count()) === Object.keys(ids).length;
  });
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

const PAGES = {
  torrents: "/",
  found: "/?search=recordings",
  "not found": `/?search=${LONG}`,
  torrent: () => `/torrents/${ids.plain}`,
  "a title without a space": () => `/torrents/${ids.long}`,
  "deep folders": () => `/torrents/${ids.deep}`,
  "many files": () => `/torrents/${ids.many}`,
  snatches: () => `/torrents/${ids.long}/snatches`,
  edit: () => `/torrents/${ids.long}/edit`,
  delete: () => `/torrents/${ids.long}/delete`,
  upload: "/upload",
  invites: "/invites",
  members: "/members",
  member: "/members/1",
  "member's transfers": "/members/1/transfers",
  swarm: "/swarm",
  account: "/account",
  transfers: "/account/transfers",
  doctor: "/account/doctor",
  "announce URL": "/account/announce-url",
  "reset of the announce URL": "/account/announce-url/reset",
  security: "/account/security",
  tokens: "/account/tokens",
  "feed keys": "/account/feed-keys",
  API: "/api/docs",
  "no page": `/${LONG}`,
};

test("invites, tokens and feed keys with the longest names are made", async () => {
  await page.goto(`${product.site}/invites`);
  await fill(page, { "For whom": LONG.slice(0, 100) });
  await press(page, "Create an invite");
  await page.goto(`${product.site}/account/tokens`);
  await fill(page, { "Name of a new token": LONG.slice(0, 100) });
  await page.getByLabel("read", { exact: true }).check();
  await press(page, "Create a token");
  await checkWidths(page, "a new token");
  await page.goto(`${product.site}/account/feed-keys`);
  await fill(page, { "Name of a new feed key": LONG.slice(0, 100) });
  await press(page, "Create a feed key");
});

for (const [name, address] of Object.entries(PAGES)) {
  test(`everything fits at any width: ${name}`, async () => {
    await page.goto(`${product.site}${typeof address === "string" ? address : address()}`);
    await checkPage(page, `widths-${name.replaceAll(/[^a-z]+/gi, "-")}`);
    await checkWidths(page, name);
  });
}

test("everything fits at any width: signing in and claiming an invite", async () => {
  await page.goto(`${product.site}/invites`);
  const invite = await page.locator("input[id^=invite-]").first().inputValue();
  const stranger = await openPage(await browser.newContext());
  for (const address of [`${product.site}/sign-in`, invite, `${product.site}/invites/${"a".repeat(40)}`]) {
    await stranger.goto(address);
    await checkWidths(stranger, address);
  }
  await stranger.close();
});

for (const name of ["torrents", "snatches", "members", "member's transfers", "swarm", "account", "transfers", "security"]) {
  test(`the largest numbers fit their tables: ${name}`, async () => {
    const address = PAGES[name];
    await page.goto(`${product.site}${typeof address === "string" ? address : address()}`);
    await page.evaluate(enlarge);
    await checkWidths(page, name);
  });
}

test("full dates fit their tables without scripts", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = await openPage(context);
  for (const address of ["/", "/members", "/members/1/transfers", "/account", "/account/transfers", "/account/security", "/invites"]) {
    await plain.goto(`${product.site}${address}`);
    await checkWidths(plain, address);
  }
  await context.close();
});

test("a chain of single folders is one line", async () => {
  await page.goto(`${product.site}/torrents/${ids.deep}`);
  const chain = page.locator("summary", { hasText: "level-00" });
  assert.match(await chain.innerText(), /^level-00 \/ level-01 \/ .* \/ level-30/);
});

test("headings of a description are not smaller than its text", async () => {
  await page.goto(`${product.site}/torrents/${ids.long}`);
  const size = (selector) => page.locator(`.prose ${selector}`).first().evaluate((it) => parseFloat(getComputedStyle(it).fontSize));
  const [first, sixth, text] = await Promise.all(["h3", "h6", "p"].map(size));
  assert.ok(first > sixth && sixth >= text, `${first}, ${sixth}, ${text}`);
});

test("actions that cannot be undone are red on every page", async () => {
  const colorOf = async (address, it) => {
    await page.goto(`${product.site}${address}`);
    return it.first().evaluate((it) => getComputedStyle(it).color);
  };
  const colors = [
    await colorOf(`/torrents/${ids.plain}`, page.getByRole("link", { name: "Delete" })),
    await colorOf(`/torrents/${ids.plain}/delete`, page.getByRole("button", { name: "Delete" })),
    await colorOf("/account/tokens", page.getByRole("button", { name: /^Revoke/ })),
    await colorOf("/invites", page.getByRole("button", { name: "Revoke" })),
    await colorOf("/account/announce-url", page.getByRole("link", { name: "Reset…" })),
  ];
  assert.equal(new Set(colors).size, 1, colors.join(", "));
});

test("a right-to-left title is isolated from the text around it", async () => {
  await page.goto(product.site);
  await page.locator("bdi", { hasText: HEBREW }).waitFor();
});

/** Runs in the page: replaces the values in tables by the longest possible ones. */
function enlarge() {
  const longest = [[/B$/, "999.9 GiB"], [/^\d+ s$/, "1234 d 23 h"], [/%$/, "100 %"], [/ago$/, "59 min ago"], [/^\d+$/, "123456"]];
  for (const it of document.querySelectorAll("td.number")) {
    const value = longest.find(([pattern]) => pattern.test(it.textContent.trim()));
    if (value) it.textContent = value[1];
  }
  for (const it of document.querySelectorAll("td time")) it.textContent = "11 months ago";
  for (const it of document.querySelectorAll("td.address .muted")) it.textContent = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
}

/** Uploads a .torrent; returns its id. */
async function add(name, metainfo, title, more = {}) {
  const { csrf_token: csrf } = await (await page.request.get(`${product.site}/api/session`)).json();
  const answer = await page.request.post(`${product.site}/api/torrents`, {
    headers: { "X-CSRF-Token": csrf },
    multipart: { torrent: { name, mimeType: "application/x-bittorrent", buffer: metainfo }, title, ...more },
  });
  assert.equal(answer.status(), 201, await answer.text());
  return (await answer.json()).id;
}

/** Announces a leecher of a torrent that finishes, and one that does not. */
async function join(id) {
  const ours = decode(await (await page.request.get(`${product.site}/api/torrents/${id}/metainfo`)).body());
  const infoHash = sha1(encode(ours.info));
  for (const [port, left] of [[6881, 0], [6882, 1000]]) {
    const address = (fields) => announceAddress(ours.announce.toString(), infoHash, `-qB5130-00000000${port}`, { port, uploaded: 0, downloaded: 0, ...fields });
    await announce(address({ left: 1000, event: "started" }));
    if (left === 0) await announce(address({ left, downloaded: 1000, event: "completed" }));
  }
}
