// Forms lose neither text nor files, and every message is within the window, whatever the site answers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { choose, fill, press } from "./support/actions.mjs";
import { claim, upload } from "./support/api.mjs";
import { launch, openPage } from "./support/browser.mjs";
import { checkPage } from "./support/checks.mjs";
import { whileDatabaseHangs } from "./support/database.mjs";
import { startProduct } from "./support/product.mjs";
import { awaitFocus, awaitInWindow } from "./support/seen.mjs";
import { startSlowUpload } from "./support/slow.mjs";
import { makeTorrent } from "./support/torrent.mjs";

const PASSWORD = "a long enough password";
const VIEWPORTS = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const TEXT = "# Dawn chorus\n\nRecorded at 04:10, in **one** take.";

let product, browser, ada, bo, number;

before(async () => {
  [product, browser] = await Promise.all([startProduct(), launch()]);
  ada = await claim(product.invite, "ada", PASSWORD);
  const { url } = await (await ada.call("/invites", { method: "POST", status: 201 })).json();
  bo = await claim(url, "bo", PASSWORD);
  number = 0;
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

/** A new .torrent: { name, file, bytes }. */
function fresh() {
  const name = `chorus ${++number}`;
  return { name, file: `${name}.torrent`, bytes: makeTorrent(name, Buffer.alloc(1_000, name)).metainfo };
}

async function signIn(page, member) {
  await fill(page, { Name: member.username, Password: member.password });
  await press(page, "Sign in");
}

/** Opens `address` in a new browser context, signed in as `member`. */
async function open(t, viewport, address, { member = ada, ...options } = {}) {
  const context = await browser.newContext({ viewport, ...options });
  t.after(() => context.close());
  const page = await openPage(context);
  await page.goto(`${product.site}/sign-in?next=${encodeURIComponent(address)}`);
  await signIn(page, member);
  await page.waitForURL(`${product.site}${address}`);
  return page;
}

async function signOutElsewhere(page, member) {
  const other = await page.context().newPage();
  await other.goto(product.site);
  if (page.viewportSize().width < 600) await other.locator("summary", { hasText: "Menu" }).click();
  await press(other, "Sign out");
  if (member) await signIn(other, member);
  await other.close();
}

/** Fills the upload form and scrolls to its button, as a member would. */
async function prepare(page, torrent) {
  await choose(page, torrent.file, torrent.bytes);
  await fill(page, { Title: torrent.name, Description: TEXT });
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
}

const chosen = (page) => page.locator("input[type=file]").evaluate((it) => [...it.files].map((file) => file.name));
const problem = (page) => page.locator("[data-problem]");

async function assertKept(page, torrent) {
  assert.deepEqual(await chosen(page), [torrent.file], "the file is still chosen");
  assert.equal(await page.getByLabel("Title").inputValue(), torrent.name);
  assert.equal(await page.getByLabel("Description").inputValue(), TEXT);
}

/** Waits until the message above the button says `words`, is within the window and has the focus. */
async function awaitProblem(page, words) {
  await problem(page).getByText(words).waitFor();
  await awaitInWindow(problem(page));
  await awaitFocus(problem(page));
}

const retry = (page) => page.getByRole("button", { name: "Try again" }).click();
const awaitStored = (page, torrent) => page.getByRole("heading", { name: torrent.name, exact: true }).waitFor();

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  test(`a duplicate upload shows its error within the window on a ${device}`, async (t) => {
    const page = await open(t, viewport, "/upload");
    const torrent = fresh();
    await upload(bo, torrent.file, torrent.bytes);
    await prepare(page, torrent);
    await press(page, "Upload");
    const alert = page.getByRole("alert").filter({ hasText: "This torrent is here already" });
    await alert.waitFor();
    await awaitInWindow(alert);
    await awaitFocus(alert);
    await assertKept(page, torrent);
    await checkPage(page, `${device}-upload-exists`);
  });

  test(`an invalid field keeps the file on a ${device}`, async (t) => {
    const page = await open(t, viewport, "/upload");
    const torrent = fresh();
    await prepare(page, torrent);
    await fill(page, { "Extended information": '{"Year": 2026' });
    await press(page, "Upload");
    const note = page.locator("#extended-error");
    await note.waitFor();
    await awaitInWindow(note);
    await awaitFocus(page.getByLabel("Extended information"));
    await assertKept(page, torrent);
    await fill(page, { "Extended information": '{"Year": 2026}' });
    await press(page, "Upload");
    await awaitStored(page, torrent);
  });

  test(`a hanging database keeps text and file on a ${device}`, async (t) => {
    const page = await open(t, viewport, "/upload");
    const torrent = fresh();
    await prepare(page, torrent);
    await whileDatabaseHangs(product.data, async () => {
      await page.getByRole("button", { name: "Upload", exact: true }).click();
      await awaitProblem(page, /database is not available/);
      await assertKept(page, torrent);
    });
    await checkLook(page, `${device}-upload-database-away`);
    await retry(page);
    await awaitStored(page, torrent);
  });
}

/** [checkPage] without the console's complaints so far. */
async function checkLook(page, name) {
  page.complaints();
  await checkPage(page, name);
}

test("a broken connection keeps text and file", async (t) => {
  const page = await open(t, VIEWPORTS.desk, "/upload");
  const torrent = fresh();
  await prepare(page, torrent);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await awaitProblem(page, /site does not answer/);
  await assertKept(page, torrent);
  await page.context().setOffline(false);
  await retry(page);
  await awaitStored(page, torrent);
});

test("a form survives signing out elsewhere and signing in again", async (t) => {
  const page = await open(t, VIEWPORTS.phone, "/upload");
  const torrent = fresh();
  await prepare(page, torrent);
  await signOutElsewhere(page);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await awaitProblem(page, /You are signed out/);
  await assertKept(page, torrent);
  await checkLook(page, "phone-upload-signed-out");
  await problem(page).getByRole("link", { name: "Sign in" }).click();
  await signIn(page, ada);
  await page.waitForURL(`${product.site}/upload`);
  await page.getByText("What you typed here before is back.").waitFor();
  assert.equal(await page.getByLabel("Description").inputValue(), TEXT);
  await checkLook(page, "phone-upload-draft");
  await choose(page, torrent.file, torrent.bytes);
  await press(page, "Upload");
  await awaitStored(page, torrent);
  await page.goto(`${product.site}/upload`);
  assert.equal(await page.getByLabel("Description").inputValue(), "", "a sent form leaves no draft");
});

test("an upload renews its CSRF token after signing out and in elsewhere", async (t) => {
  const page = await open(t, VIEWPORTS.desk, "/upload");
  const torrent = fresh();
  await prepare(page, torrent);
  await signOutElsewhere(page, ada);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await awaitStored(page, torrent);
});

test("the edit form renews its CSRF token", async (t) => {
  const torrent = fresh();
  const { id } = await upload(ada, torrent.file, torrent.bytes);
  const page = await open(t, VIEWPORTS.desk, `/torrents/${id}/edit`);
  await fill(page, { Description: TEXT });
  await signOutElsewhere(page, ada);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The torrent was changed.").waitFor();
  assert.ok(await page.getByRole("heading", { name: "Dawn chorus" }).isVisible());
});

test("short forms keep their text, and a new API token has the focus", async (t) => {
  const page = await open(t, VIEWPORTS.phone, "/account/tokens", { member: bo });
  await fill(page, { "Name of a new token": "autobrr" });
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Create a token" }).click();
  await awaitProblem(page, /site does not answer/);
  assert.equal(await page.getByLabel("Name of a new token").inputValue(), "autobrr");
  await page.context().setOffline(false);
  await retry(page);
  const note = page.locator("#scopes-error");
  await note.waitFor();
  await awaitInWindow(note);
  assert.equal(await page.getByLabel("Name of a new token").inputValue(), "autobrr");
  await page.getByLabel("read", { exact: true }).check();
  await page.getByRole("button", { name: "Create a token" }).click();
  const secret = page.getByLabel("New API token");
  await secret.waitFor();
  await awaitInWindow(secret);
  await awaitFocus(secret);
  await page.goto(`${product.site}/account/security`);
  await fill(page, { "Present password": "not this one", "New password": "quite another one", "New password again": "quite another one" });
  await press(page, "Change the password");
  await awaitInWindow(page.locator("#password-error"));
  await awaitFocus(page.getByLabel("Present password"));
  assert.equal(await page.getByLabel("New password again").inputValue(), "quite another one", "the valid field keeps its text");
});

test("a form opened by another member is sent only after a second try", async (t) => {
  const page = await open(t, VIEWPORTS.desk, "/upload");
  const torrent = fresh();
  await prepare(page, torrent);
  await signOutElsewhere(page, bo);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await awaitProblem(page, /You are signed in as bo now/);
  await assertKept(page, torrent);
  await retry(page);
  await awaitStored(page, torrent);
  assert.ok(await page.getByRole("main").getByText("bo", { exact: true }).isVisible(), "bo is the uploader");
});

test("a draft survives leaving the page and can be discarded", async (t) => {
  const torrent = fresh();
  const { id } = await upload(ada, torrent.file, torrent.bytes);
  const page = await open(t, VIEWPORTS.phone, `/torrents/${id}/edit`);
  await fill(page, { Description: TEXT });
  await page.goto(`${product.site}/account`);
  await page.goto(`${product.site}/torrents/${id}/edit`);
  assert.equal(await page.getByLabel("Description").inputValue(), TEXT);
  await page.getByRole("button", { name: "Discard draft" }).click();
  assert.equal(await page.getByLabel("Description").inputValue(), "");
  await page.reload();
  assert.equal(await page.getByRole("button", { name: "Discard draft" }).count(), 0);
});

test("a wrong or too large file is reported before it is sent", async (t) => {
  const page = await open(t, VIEWPORTS.phone, "/upload");
  const sent = [];
  page.on("request", (it) => it.method() === "POST" && sent.push(it.url()));
  const faulty = [
    ["photo.torrent", Buffer.from([0x89, 0x50, 0x4e, 0x47]), /not a \.torrent file/],
    ["long.torrent", Buffer.alloc(10 * 1024 * 1024 + 1, "d"), /larger than 10\.0 MiB/],
  ];
  for (const [name, bytes, words] of faulty) {
    await choose(page, name, bytes);
    const note = page.locator("#torrent-error");
    await note.getByText(words).waitFor();
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await awaitInWindow(note);
    await awaitFocus(page.locator("#torrent"));
  }
  await checkLook(page, "phone-upload-too-large");
  assert.deepEqual(sent, []);
  await choose(page, "right.torrent", fresh().bytes);
  await page.locator("#torrent-error").waitFor({ state: "detached" });
});

test("a file can be dropped anywhere on the page, and is named once", async (t) => {
  const page = await open(t, VIEWPORTS.desk, "/upload");
  const torrent = fresh();
  const transfer = await page.evaluateHandle(
    ([name, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name));
      return transfer;
    },
    [torrent.file, [...torrent.bytes]],
  );
  const stopped = await page.evaluate((dataTransfer) => {
    const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    return !document.querySelector(".footer").dispatchEvent(event);
  }, transfer);
  assert.ok(stopped, "the browser does not open the file");
  assert.deepEqual(await chosen(page), [torrent.file]);
  await page.getByText(`${torrent.file}, ${torrent.bytes.length} bytes`).waitFor();
  assert.equal(await page.locator("input[type=file]").evaluate((it) => getComputedStyle(it).opacity), "0", "the browser's own file name is hidden");
});

test("several files are uploaded in turn, each with its result", async (t) => {
  const page = await open(t, VIEWPORTS.phone, "/upload");
  const [one, here, two] = [fresh(), fresh(), fresh()];
  await upload(bo, here.file, here.bytes);
  const files = [
    [one.file, one.bytes],
    ["photo.png", Buffer.from([0x89, 0x50])],
    [here.file, here.bytes],
    [two.file, two.bytes],
  ];
  await page.locator("input[type=file]").setInputFiles(files.map(([name, buffer]) => ({ name, mimeType: "", buffer })));
  await page.getByText(`${files.length} files,`).waitFor();
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  const result = page.getByRole("alert").filter({ hasText: "2 of 4 files uploaded" });
  await result.waitFor();
  await awaitInWindow(result);
  const state = (name) => page.locator(".upload-list li", { hasText: name });
  for (const torrent of [one, two]) {
    await state(torrent.file).getByRole("link", { name: "Download our file" }).waitFor();
  }
  assert.match(await state("photo.png").innerText(), /not a \.torrent file/);
  assert.match(await state(here.file).innerText(), /here already/);
  assert.deepEqual(await chosen(page), ["photo.png", here.file], "files that were not stored are still chosen");
  await checkLook(page, "phone-upload-several");
});

test("several files wait as long as the site asks", async (t) => {
  const page = await open(t, VIEWPORTS.desk, "/upload");
  const files = [fresh(), fresh()];
  const breakOff = await startSlowUpload(page, product.site);
  t.after(breakOff);
  await page.locator("input[type=file]").setInputFiles(files.map((it) => ({ name: it.file, mimeType: "", buffer: it.bytes })));
  await page.getByText(`${files.length} files,`).waitFor();
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await page.locator(".upload-list li", { hasText: files[0].file }).getByText(/waits \d+ s/).waitFor();
  breakOff();
  await page.getByRole("alert").filter({ hasText: "2 of 2 files uploaded" }).waitFor();
  assert.deepEqual(await chosen(page), []);
});

test("the notice of an upload has a download button and is shown once", async (t) => {
  const page = await open(t, VIEWPORTS.phone, "/upload");
  await prepare(page, fresh());
  await press(page, "Upload");
  const button = page.locator(".flash").getByRole("link", { name: "Download our file" });
  await button.waitFor();
  await awaitInWindow(button);
  assert.match(page.url(), /\/torrents\/\d+$/, "the address does not mention the notice");
  await checkLook(page, "phone-torrent-notice");
  await page.reload();
  assert.equal(await button.count(), 0, "after a reload");
  await page.goto(`${product.site}/upload`);
  await prepare(page, fresh());
  await press(page, "Upload");
  await button.waitFor();
  await page.goto(`${product.site}/account`);
  await page.goBack();
  await page.getByRole("heading", { name: "Files" }).waitFor();
  assert.equal(await button.count(), 0, "after Back");
});

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  test(`without scripts errors are within the window on a ${device}`, async (t) => {
    const page = await open(t, viewport, "/upload", { javaScriptEnabled: false });
    const torrent = fresh();
    await upload(bo, torrent.file, torrent.bytes);
    await prepare(page, torrent);
    await press(page, "Upload");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    await awaitInWindow(alert);
    await awaitFocus(alert);
    assert.equal(await page.getByLabel("Description").inputValue(), TEXT);
    await choose(page, torrent.file, torrent.bytes);
    await fill(page, { "Extended information": "{" });
    await press(page, "Upload");
    await awaitInWindow(page.locator("#extended-error"));
    await awaitFocus(page.getByLabel("Extended information"));
  });
}
