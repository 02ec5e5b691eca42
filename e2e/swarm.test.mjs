// The demonstration's page, with a swarm of real clients.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fill, press } from "./support/actions.mjs";
import { launch, openPage } from "./support/browser.mjs";
import { checkPage } from "./support/checks.mjs";
import { startDemo } from "./support/demo.mjs";
import { until } from "./support/until.mjs";

const MIB = 1 << 20;
const FILES = { "nightjar.flac": 6 * MIB, "heath/dusk.bin": 4 * MIB, "heath/dawn.bin": 2 * MIB };
const VIEWPORTS = {
  phone: { width: 390, height: 844 },
  desk: { width: 1280, height: 900 },
  projector: { width: 1920, height: 1080 },
};
const CLIENTS = 5;

let demo, browser;

before(async () => {
  // One client of each program, slow enough to be watched on a busy machine until the limit is lifted.
  demo = await startDemo(FILES, ["--seeders", "1", "--leechers", String(CLIENTS - 1), "--rate", "100"]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Opens the page and signs in. */
async function visit(viewport, options = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await openPage(context);
  await page.goto(demo.page);
  await page.waitForURL(/\/sign-in/);
  await fill(page, { Name: demo.name, Password: demo.password });
  await press(page, "Sign in");
  await page.waitForURL(demo.page);
  return page;
}

/** The smallest font size at `selector`, in pixels on the screen. */
const smallest = (page, selector) =>
  page.locator(selector).evaluateAll((found) =>
    Math.min(...found.map((it) => Number.parseFloat(getComputedStyle(it).fontSize) * it.getScreenCTM().a)),
  );

const texts = (page, selector) => page.locator(selector).allInnerTexts();

/** Waits until `selector` finds `number` texts and `holds` is true for each. */
function awaitTexts(page, what, selector, number, holds) {
  const probe = async () => {
    const found = await texts(page, selector);
    return found.length === number && found.every(holds);
  };
  return until(what, probe);
}

test("the page follows the swarm from the first piece to the last", async () => {
  const page = await visit(VIEWPORTS.desk);
  await awaitTexts(page, "every client runs", "#clients [data-cell=state]", CLIENTS, (it) => it === "running");
  await awaitTexts(page, "every client shows its version", "#clients [data-cell=version]", CLIENTS, (it) => /\d/.test(it));
  assert.equal(await page.locator("#graph .node").count(), CLIENTS);
  await awaitTexts(page, "both torrents are at all clients", "[data-holder] th", 2 * CLIENTS, Boolean);
  await page.locator(".strip-leeching:not([d=''])").first().waitFor({ state: "attached" });
  await page.locator("#graph .edge").first().waitFor({ state: "attached" });
  await page.locator("#graph .edge-rate", { hasText: "/s" }).first().waitFor();
  await checkPage(page, "desk-swarm-begins");
  const clients = await page.locator("[data-client]").evaluateAll((rows) => rows.map((it) => it.dataset.client));
  await Promise.all(clients.map((it) => demo.unlimited(it)));
  await awaitTexts(page, "all have everything", "#clients [data-cell=has]", CLIENTS, (it) => it === "100 %");
  await awaitTexts(page, "the page says when", "[data-cell=completion]", 2, (it) => it.startsWith("At every client, first after"));
  await until("tracker and clients count alike", async () => (await page.locator(".differs").count()) === 0);
  assert.ok(Number.parseInt(await page.locator("[data-cell=share]").innerText(), 10) > 0, "leechers have sent bytes");
  assert.ok((await page.locator("#lessons li").count()) >= 3, "lessons are shown");
  assert.ok((await page.locator("#announces tbody tr").count()) >= CLIENTS, "announces are shown");
  assert.deepEqual((await texts(page, "#notices strong")).sort(), ["heath", "nightjar.flac"], "notices of the sources are shown");
  await page.context().close();
});

test("staff limit a client's rate", async () => {
  const page = await visit(VIEWPORTS.desk);
  const row = page.locator("[data-client]").last();
  const name = await row.getAttribute("data-client");
  await row.getByRole("link", { name: `Control ${name}` }).click();
  assert.equal(await page.getByLabel("Client", { exact: true }).inputValue(), name);
  await page.getByLabel("Rate in KiB/s").fill("123");
  await press(page, "Throttle");
  await until("the outcome is said", async () => (await page.locator("#told").innerText()).length > 3);
  assert.equal(await page.locator("#told.control-failed").count(), 0, await page.locator("#told").innerText());
  await until("the limit is shown", async () => (await row.locator("[data-cell=limit]").innerText()) === "123 KiB/s");
  assert.equal(new URL(page.url()).search, "", "the page was not left");
  await page.context().close();
});

test("a wrong rate does not block orders without a rate", async () => {
  const page = await visit(VIEWPORTS.desk);
  await page.getByLabel("Rate in KiB/s").fill("5000000");
  await page.getByRole("button", { name: "Throttle" }).click();
  assert.equal(await page.locator("#told").innerText(), "", "the order with the wrong rate is not sent");
  await press(page, "Restore");
  await until("the outcome is said", async () => (await page.locator("#told").innerText()).length > 3);
  await page.context().close();
});

test("the page and its controls work without scripts", async () => {
  const page = await visit(VIEWPORTS.phone, { javaScriptEnabled: false });
  assert.equal(await page.locator("#clients [data-client]").count(), CLIENTS);
  await page.getByRole("link", { name: "Hold it still" }).click();
  const name = await page.getByLabel("Client", { exact: true }).inputValue();
  await press(page, "No limit");
  await page.getByRole("status").filter({ hasText: name }).first().waitFor();
  await page.context().close();
});

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  test(`the page is valid, accessible and fits the window on a ${device}`, async () => {
    const page = await visit(viewport);
    await page.locator("#graph .node").first().waitFor({ state: "attached" });
    const names = await page.locator("#clients [data-client]").evaluateAll((rows) => rows.map((it) => it.dataset.client));
    const shown = await page.locator("#graph .node > text").allTextContents();
    assert.ok(names.every((it) => shown.includes(it)), `the graph names its clients: ${shown}`);
    assert.ok((await smallest(page, "#graph text")) >= 12, "its text can be read");
    await checkPage(page, `${device}-swarm`);
    await page.context().close();
  });
}

test("the page says when its picture is old", async () => {
  const page = await visit(VIEWPORTS.desk);
  await page.route("**/demo/events", (it) => it.abort());
  await page.reload();
  await page.getByText("what is shown here is old").waitFor();
  await page.unroute("**/demo/events");
  await page.getByText("what is shown here is old").waitFor({ state: "hidden" });
  await page.context().close();
});
