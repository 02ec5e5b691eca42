// Chromium, and pages that record the browser's complaints.

import assert from "node:assert/strict";

import { chromium } from "playwright-core";

import { TIMEOUT } from "./until.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Launches Debian's Chromium, or the program that CHROMIUM names. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, timeout: TIMEOUT });
}

/** Opens a page that records errors and warnings of the console; `complaints()` returns and clears them. */
export async function openPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  const gathered = [];
  const refused = new Set();
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const { url } = message.location();
    // Chromium logs an error for a form that is answered with 422, as it should be.
    if ((url === page.url() || refused.has(url)) && /status of 4(03|04|09|10|22|29) /.test(message.text())) return;
    gathered.push(`${message.type()}: ${message.text()} (${url})`);
  });
  page.on("pageerror", (error) => gathered.push(`uncaught: ${error.message}`));
  page.on("response", async (response) => {
    const request = response.request();
    const form = request.method() === "POST";
    if (form && response.status() >= 400) refused.add(response.url());
    if (form && request.resourceType() === "xhr" && response.headers()["content-type"]?.startsWith("text/html")) {
      page.served = response;
    }
    if (request.isNavigationRequest() && request.frame() === page.mainFrame() && response.status() < 300) {
      page.served = response;
    } else if (request.isNavigationRequest() && response.status() >= 400) {
      page.served = response;
    }
  });
  page.complaints = () => gathered.splice(0);
  return page;
}

/** The three counts that a page shows for a torrent, as text. */
export async function shownCounts(page, id) {
  const holder = page.locator(`[data-torrent-id="${id}"]`).first();
  const read = (kind) => holder.locator(`[data-count="${kind}"]`).first().innerText();
  return { seeders: await read("seeders"), leechers: await read("leechers"), snatched: await read("snatched") };
}

/** Waits, without a reload, until the page shows the numbers `expected`. */
export async function awaitCounts(page, id, expected, timeout = TIMEOUT) {
  const wanted = Object.entries(expected).map(([kind, number]) => [kind, String(number)]);
  try {
    await page.waitForFunction(
      ([id, wanted]) =>
        wanted.every(
          ([kind, text]) =>
            document.querySelector(`[data-torrent-id="${id}"] [data-count="${kind}"]`)?.textContent.trim() === text,
        ),
      [id, wanted],
      { timeout },
    );
  } catch {
    assert.deepEqual(await shownCounts(page, id), Object.fromEntries(wanted), "counts on the open page");
  }
}
