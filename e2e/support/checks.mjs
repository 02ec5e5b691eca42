// Checks of every page: valid HTML, accessible in light and dark, no wider than a phone, nothing in the console.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { HtmlValidate, FileSystemConfigLoader } from "html-validate";

import { awaitCounts } from "./browser.mjs";
import { ROOT, TARGET } from "./product.mjs";
import { fill } from "./showcase.mjs";

const axeSource = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const validator = new HtmlValidate(new FileSystemConfigLoader());
const CONFIG_OF = new URL("../page.html", import.meta.url).pathname;
const GRAVE = new Set(["serious", "critical"]);

/** Checks the page as it is now, and saves screenshots named `name`. */
export async function checkPage(page, name) {
  await checkHtml(page, name);
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await checkAccessibility(page, `${name} in ${colorScheme}`);
    await savePicture(page, `${name}-${colorScheme}`);
  }
  await checkWidth(page, name);
  assert.deepEqual(page.complaints(), [], `${name}: the console is empty`);
}

async function checkHtml(page, name) {
  const html = await page.served.text();
  const report = await validator.validateString(html, CONFIG_OF);
  const faults = report.results.flatMap((it) => it.messages).filter((it) => it.severity === 2);
  assert.deepEqual(
    faults.map((it) => `${it.line}:${it.column} ${it.ruleId}: ${it.message}`),
    [],
    `${name}: valid HTML`,
  );
}

async function checkAccessibility(page, name) {
  // Evaluated by the debugger, to which the page's Content-Security-Policy does not apply.
  await page.evaluate(`${await axeSource}; void 0`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter((it) => GRAVE.has(it.impact));
  assert.deepEqual(
    grave.map((it) => `${it.id}: ${it.help}: ${it.nodes.map((node) => `${node.html} (${node.failureSummary})`).join(" ")}`),
    [],
    `${name}: accessible`,
  );
}

/** Checks the present width and, for phones, the narrowest one. */
async function checkWidth(page, name) {
  const before = page.viewportSize();
  const widths = before.width < 600 ? [before.width, 360] : [before.width];
  for (const width of widths) {
    await page.setViewportSize({ ...before, width });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${name}: at ${width} pixels the page is ${over} pixels too wide`);
  }
  await page.setViewportSize(before);
}

async function savePicture(page, name) {
  const folder = join(TARGET, "screenshots");
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Saves the screenshot of the README, if SCREENSHOTS=docs. */
export async function savePictureForReadme(page, site) {
  if (process.env.SCREENSHOTS !== "docs") return;
  const [id, counts] = await fill(page, site);
  await page.reload();
  await page.setViewportSize({ width: 1280, height: 720 });
  await awaitCounts(page, id, counts);
  await mkdir(join(ROOT, "docs"), { recursive: true });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(ROOT, "docs", "screenshot.png") });
}
