// Two members use the whole site, on a phone and on a desk.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { announce, choose, download, drop, fill, follow, inWindow, press } from "./support/actions.mjs";
import { awaitCounts, launch, openPage, shownCounts } from "./support/browser.mjs";
import { checkPage, savePictureForReadme } from "./support/checks.mjs";
import { startProduct } from "./support/product.mjs";
import { announceAddress, decode, encode, makeFolder, makeTorrent, sha1 } from "./support/torrent.mjs";
import { until } from "./support/until.mjs";

const PASSWORD = "a long enough password";
const RESET_PASSWORD = "new otter lantern";
const VIEWPORTS = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 900 } };
const TITLE = "Nightjar field recordings, summer on the heath";
const CONTENT = Buffer.alloc(300_000, "nightjar ");

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  test(`the journey on a ${device}`, async (t) => {
    const product = await startProduct();
    try {
      await travel(t, device, viewport, product);
    } finally {
      await product.stop();
    }
  });
}

async function travel(t, device, viewport, { site, invite }) {
  const own = await browser.newContext({ viewport, permissions: ["clipboard-read", "clipboard-write"] });
  const other = await browser.newContext({ viewport });
  const plain = await browser.newContext({ viewport, javaScriptEnabled: false });
  const [ada, bo, still] = await Promise.all([own, other, plain].map(openPage));
  const check = async (page, name, address) => {
    if (address) await page.goto(address);
    await checkPage(page, `${device}-${name}`);
  };
  const go = (page, words) => follow(page, device, words);
  let id, address;
  const mine = makeTorrent("nightjar.flac", CONTENT, { isPrivate: false });

  // A failed step ends the journey: later steps depend on it.
  const step = async (name, body) => {
    let done = false;
    await t.test(name, async () => {
      await body();
      done = true;
    });
    assert.ok(done, `ended at: ${name}`);
  };

  await step("the printed link makes the first account", async () => {
    await ada.goto(site);
    await ada.waitForURL(/\/sign-in/);
    await ada.keyboard.press("Tab");
    await ada.keyboard.press("Enter");
    assert.equal(await ada.evaluate(() => document.activeElement.id), "main", "the keyboard can skip the navigation");
    await check(ada, "sign-in");
    await ada.goto(invite);
    await check(ada, "claim");
    await fill(ada, { Name: "ada", Password: "short" });
    await press(ada, "Create account");
    assert.equal(await ada.getByLabel("Name").inputValue(), "ada", "typed values are kept");
    assert.equal(await ada.getByLabel("Password").getAttribute("aria-invalid"), "true");
    await check(ada, "claim-again");
    await fill(ada, { Password: PASSWORD });
    await press(ada, "Create account");
    await ada.waitForURL(`${site}/`);
    await check(ada, "torrents-none");
  });

  await step("a member makes an invite and another person claims it", async () => {
    await go(ada, "Invites");
    await check(ada, "invites-none");
    await fill(ada, { "For whom": "bo" });
    await press(ada, "Create an invite");
    await check(ada, "invites");
    const link = await ada.locator("input[id^=invite-]").inputValue();
    // The button shows it for two seconds.
    const copied = ada.getByRole("button", { name: "Copied" }).waitFor();
    await Promise.all([copied, ada.getByRole("button", { name: "Copy" }).click()]);
    assert.equal(await ada.evaluate(() => navigator.clipboard.readText()), link);
    await bo.goto(link);
    await fill(bo, { Name: "bo", Password: PASSWORD });
    await press(bo, "Create account");
    await bo.waitForURL(`${site}/`);
    await bo.goto(link);
    await check(bo, "claim-over");
    await ada.reload();
    await ada.getByText("claimed").first().waitFor();
  });

  await step("a member uploads a .torrent", async () => {
    await go(ada, "Upload");
    await check(ada, "upload");
    await fill(ada, { Title: TITLE, Description: "Churring at **22:40**.\n\n- wing claps\n- rain" });
    await choose(ada, "not-a.torrent", Buffer.from("d4:spam"));
    await press(ada, "Upload");
    await ada.locator("#torrent-error").waitFor();
    assert.equal(await ada.getByLabel("Title").inputValue(), TITLE, "typed values are kept");
    await check(ada, "upload-again");
    await drop(ada, "nightjar.torrent", mine.metainfo);
    await ada.getByText(/^nightjar\.torrent, \d+ bytes$/).waitFor();
    await press(ada, "Upload");
    await ada.waitForURL(/\/torrents\/\d+/);
    id = Number(new URL(ada.url()).pathname.split("/").pop());
    await ada.getByRole("heading", { name: TITLE }).waitFor();
    await ada.getByRole("status").filter({ hasText: /download/i }).first().waitFor();
    await check(ada, "torrent-uploaded");
    assert.equal(await ada.locator(".prose strong").innerText(), "22:40");
  });

  await step("the search finds it by words of its title and by its file", async () => {
    await bo.goto(site);
    for (const words of ["heath nightjar", "nightjar.flac", "recordngs"]) {
      await bo.getByRole("searchbox").fill(words);
      await bo.getByRole("button", { name: "Search" }).click();
      await bo.getByRole("link", { name: TITLE }).waitFor();
    }
    await check(bo, "torrents-found");
    await bo.getByRole("searchbox").fill("zzzzqqqq");
    await bo.getByRole("button", { name: "Search" }).click();
    await bo.locator(".empty").waitFor();
    await check(bo, "torrents-not-found");
    await bo.goto(site);
    await bo.getByRole("link", { name: TITLE }).click();
    await bo.waitForURL(new RegExp(`/torrents/${id}$`));
    await check(bo, "torrent");
  });

  await step("the downloaded .torrent is private and announces to the member's own address", async () => {
    const files = await Promise.all([ada, bo].map(download));
    const [forAda, forBo] = files.map(({ bytes }) => decode(bytes));
    assert.match(files[1].name, /\.torrent$/);
    assert.equal(forBo.info.private, 1);
    assert.deepEqual(sha1(encode(forBo.info)), sha1(encode(forAda.info)), "both members share one swarm");
    const [a, b] = [forAda, forBo].map((it) => it.announce.toString());
    assert.match(b, /\/announce\/[a-z2-7]{40}\/announce$/);
    assert.notEqual(a, b, "each member has an address of their own");
    assert.equal(forBo["announce-list"], undefined);
    const infoHash = sha1(encode(forBo.info));
    address = { a: (fields) => announceAddress(a, infoHash, "-qB5130-aaaaaaaaaaaa", fields) };
    address.b = (fields) => announceAddress(b, infoHash, "-qB5130-bbbbbbbbbbbb", fields);
  });

  await step("announces change the counts on both members' open pages", async () => {
    await ada.goto(site);
    const expect = async (seeders, leechers, snatched) => {
      const counts = { seeders, leechers, snatched };
      await Promise.all([ada, bo].map((page) => awaitCounts(page, id, counts)));
    };
    await expect(0, 0, 0);
    const seeder = { port: 6881, uploaded: 0, downloaded: 0, left: 0 };
    const leecher = { port: 6882, uploaded: 0, downloaded: 0, left: CONTENT.length };
    await announce(address.a({ ...seeder, event: "started" }));
    await expect(1, 0, 0);
    const answer = await announce(address.b({ ...leecher, event: "started" }));
    await expect(1, 1, 0);
    assert.deepEqual([...answer.peers], [127, 0, 0, 1, 6881 >> 8, 6881 & 255], "the seeder, in compact form");
    await announce(address.b({ ...leecher, left: 0, downloaded: CONTENT.length, event: "completed" }));
    await expect(2, 0, 1);
    await check(bo, "torrent-counts");
    await check(ada, "torrents");
    await announce(address.a({ ...seeder, event: "stopped" }));
    await expect(1, 0, 1);
  });

  await step("pages without scripts show the same counts", async () => {
    await still.goto(`${site}/sign-in`);
    await fill(still, { Name: "bo", Password: PASSWORD });
    await press(still, "Sign in");
    const expected = { seeders: "1", leechers: "0", snatched: "1" };
    assert.deepEqual(await shownCounts(still, id), expected, "on the list");
    await still.goto(`${site}/torrents/${id}`);
    assert.deepEqual(await shownCounts(still, id), expected, "on the torrent's page");
    if (device === "phone") await still.locator("summary", { hasText: "Menu" }).click();
    await still.getByRole("link", { name: "Upload", exact: true }).click();
    await still.waitForURL(/\/upload$/);
  });

  await step("a folder is uploaded without scripts, and its page shows the files", async () => {
    await choose(still, "hides.torrent", makeFolder("Hides", ["north/dusk.flac", "north/dawn.flac", "notes.txt"]));
    await press(still, "Upload");
    await still.getByRole("heading", { name: "Hides" }).waitFor();
    await still.getByText("notes.txt").waitFor();
    const folder = still.locator("details", { hasText: "dusk.flac" }).last();
    if (!(await folder.evaluate((it) => it.open))) await folder.locator("summary").first().click();
    assert.ok(await still.getByText("dawn.flac").isVisible());
    await check(bo, "torrents-two", `${site}/?sort=size&order=desc`);
    assert.equal(await bo.locator("th[aria-sort=descending]").innerText(), "Size");
    const titles = await bo.locator("td.title").allInnerTexts();
    assert.deepEqual(titles, [TITLE, "Hides"]);
    await follow(bo, device, "Torrents");
  });

  await step("staff see who is connected", async () => {
    await go(ada, "Swarm");
    await ada.getByText("bo", { exact: true }).first().waitFor();
    await check(ada, "swarm");
    const refused = await bo.goto(`${site}/swarm`);
    assert.equal(refused.status(), 403);
    await check(bo, "forbidden");
  });

  await step("pages show transfers and snatches", async () => {
    await bo.goto(`${site}/account`);
    await until("the report of the download", async () => {
      await bo.reload();
      return (await bo.locator(".counts-words").innerText()).includes("292 KiB");
    });
    await bo.getByRole("link", { name: "All, torrent by torrent" }).click();
    await bo.getByRole("link", { name: TITLE }).waitFor();
    await check(bo, "transfers");
    await bo.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Doctor" }).click();
    await bo.getByRole("link", { name: TITLE }).first().waitFor();
    await check(bo, "doctor");
    await check(bo, "torrent-own", `${site}/torrents/${id}`);
    await bo.getByRole("heading", { name: "Your transfer" }).waitFor();
    await ada.goto(`${site}/torrents/${id}`);
    await check(ada, "torrent-snatched");
    await ada.getByRole("link", { name: "All snatches" }).click();
    await check(ada, "snatches");
    await ada.getByRole("link", { name: "bo", exact: true }).click();
    await ada.getByRole("link", { name: "All, torrent by torrent" }).click();
    await ada.getByRole("link", { name: TITLE }).waitFor();
    await check(ada, "member-transfers");
    const refused = await bo.goto(`${site}/torrents/${id}/snatches`);
    assert.equal(refused.status(), 403);
  });

  await step("the owner edits the torrent", async () => {
    await ada.goto(`${site}/torrents/${id}`);
    await ada.getByRole("link", { name: "Edit" }).click();
    await check(ada, "torrent-edit");
    await fill(ada, { Title: `${TITLE}, 2026` });
    await press(ada, /Save/);
    await ada.getByRole("heading", { name: `${TITLE}, 2026` }).waitFor();
  });

  await step("a member manages tokens, feed keys, sessions, password and announce URL", async () => {
    await bo.goto(`${site}/account`);
    await check(bo, "account");
    await bo.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Tokens" }).click();
    await check(bo, "account-tokens-none");
    await fill(bo, { "Name of a new token": "script" });
    await press(bo, "Create a token");
    await inWindow(bo.locator("#scopes-error"));
    assert.equal(await bo.getByLabel("Name of a new token").inputValue(), "script", "typed values are kept");
    await check(bo, "account-tokens-again");
    await bo.getByLabel("read", { exact: true }).check();
    await press(bo, "Create a token");
    const secret = bo.getByLabel("New API token");
    assert.match(await secret.inputValue(), /^fw_[a-z2-7]{40}$/);
    await inWindow(secret);
    await check(bo, "account-token");
    await bo.reload();
    assert.equal(await bo.getByRole("button", { name: "Revoke script" }).count(), 1, "a reload makes no second token");
    await check(bo, "account-tokens");
    await bo.getByRole("button", { name: "Revoke script" }).click();
    await bo.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await bo.getByRole("button", { name: "Revoke script" }).click();
    await checkPage(bo, `${device}-confirm`);
    await Promise.all([bo.waitForNavigation(), bo.getByRole("dialog").getByRole("button", { name: "Revoke" }).click()]);
    assert.equal(await bo.getByRole("button", { name: "Revoke script" }).count(), 0);
    await bo.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Feed keys" }).click();
    await fill(bo, { "Name of a new feed key": "reader" });
    await press(bo, "Create a feed key");
    const key = bo.getByLabel("New feed key");
    assert.match(await key.inputValue(), /^fwf_[a-z2-7]{40}$/);
    await inWindow(key);
    await check(bo, "account-feed-key");
    await bo.getByRole("link", { name: "I have copied it" }).click();
    await check(bo, "account-feed-keys");
    await bo.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Security" }).click();
    await check(bo, "account-security");
    await fill(bo, { "Present password": "not it", "New password": "quite another one", "New password again": "quite another one" });
    await press(bo, "Change the password");
    assert.equal(await bo.evaluate(() => document.activeElement.id), "password", "the invalid field has the focus");
    await inWindow(bo.locator("#password-error"));
    await check(bo, "account-again");
    await fill(bo, { "Present password": PASSWORD, "New password": "quite another one", "New password again": "quite another one" });
    await press(bo, "Change the password");
    await still.goto(`${site}/account`);
    assert.match(still.url(), /\/sign-in/, "the other session has ended");
    await check(bo, "account-url", `${site}/account/announce-url`);
    await bo.getByRole("link", { name: "Reset…" }).click();
    await check(bo, "account-reset");
    await press(bo, "Reset the announce URL");
    const answer = await announce(address.b({ port: 6882, uploaded: 0, downloaded: 0, left: 0 }));
    assert.match(String(answer["failure reason"]), /passkey/, "the old key is refused at once");
  });

  await step("a link from the staff resets a forgotten password", async () => {
    await go(ada, "Members");
    await ada.getByRole("link", { name: "bo", exact: true }).click();
    await ada.getByRole("link", { name: "Reset the password…" }).click();
    await check(ada, "reset-ask");
    await press(ada, "Make a link");
    await check(ada, "reset-link");
    const link = await ada.getByLabel("Link that sets the password of bo").inputValue();
    await bo.goto(link);
    await check(bo, "reset");
    await fill(bo, { "New password": "bo123456", "New password again": "bo123456" });
    await press(bo, "Set the password");
    assert.equal(await bo.getByLabel("New password", { exact: true }).getAttribute("aria-invalid"), "true");
    await check(bo, "reset-again");
    await fill(bo, { "New password": RESET_PASSWORD, "New password again": RESET_PASSWORD });
    await press(bo, "Set the password");
    await bo.waitForURL(/\/sign-in/);
    await bo.getByText("Your new password is set").waitFor();
    await check(bo, "reset-sign-in");
    await fill(bo, { Name: "bo", Password: RESET_PASSWORD });
    await press(bo, "Sign in");
    await bo.getByText("with a link made by ada").waitFor();
    await check(bo, "reset-notice");
    await press(bo, "Dismiss");
    assert.equal(await bo.getByText("with a link made by ada").count(), 0);
    await bo.goto(link);
    await check(bo, "reset-over");
  });

  await step("an administrator changes roles and disables a member", async () => {
    await go(ada, "Members");
    await check(ada, "members");
    await ada.getByRole("link", { name: "bo", exact: true }).click();
    await check(ada, "member");
    await ada.getByLabel("inviter").check();
    await press(ada, "Save the roles");
    await bo.goto(`${site}/invites`);
    assert.ok(await bo.getByRole("button", { name: "Create an invite" }).isVisible());
    await ada.getByRole("button", { name: "Disable" }).click();
    await Promise.all([ada.waitForNavigation(), ada.getByRole("dialog").getByRole("button", { name: "Disable" }).click()]);
    await check(ada, "member-disabled");
    await bo.goto(site);
    assert.match(bo.url(), /\/sign-in/, "a disabled member is signed out");
    await fill(bo, { Name: "bo", Password: RESET_PASSWORD });
    await press(bo, "Sign in");
    assert.match(bo.url(), /\/sign-in/);
    await check(bo, "sign-in-again");
  });

  await step("the owner deletes the torrent", async () => {
    await ada.goto(`${site}/torrents/${id}`);
    await ada.getByRole("button", { name: "Delete" }).or(ada.getByRole("link", { name: "Delete" })).first().click();
    await ada.waitForFunction(() => document.querySelector("dialog") || location.pathname.endsWith("/delete"));
    await check(ada, "torrent-delete");
    const dialog = ada.getByRole("dialog");
    const place = (await dialog.count()) ? dialog : ada.getByRole("main");
    await Promise.all([ada.waitForNavigation(), place.getByRole("button", { name: /^Delete/ }).click()]);
    const gone = await ada.goto(`${site}/torrents/${id}`);
    assert.equal(gone.status(), 404);
    await check(ada, "not-found");
    const answer = await announce(address.a({ port: 6881, uploaded: 0, downloaded: 0, left: 0 }));
    assert.match(String(answer["failure reason"]), /^Unregistered torrent/);
  });

  await step("a member signs out", async () => {
    await ada.goto(`${site}/api/docs`);
    await check(ada, "api-docs");
    await ada.goto(site);
    if (device === "desk") await savePictureForReadme(ada, site);
    if (device === "phone") await ada.locator("summary", { hasText: "Menu" }).click();
    await press(ada, "Sign out");
    await ada.goto(`${site}/account`);
    assert.match(ada.url(), /\/sign-in/);
  });

  await Promise.all([own, other, plain].map((it) => it.close()));
}
