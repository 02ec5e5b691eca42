// Actions of members on pages, and of their clients at the tracker.

import assert from "node:assert/strict";

import { decode } from "./torrent.mjs";

/** Follows a link of the navigation, which on a phone is in the menu. */
export async function follow(page, device, words) {
  if (device === "phone") await page.locator("summary", { hasText: "Menu" }).click();
  const link = page.getByRole("navigation", { name: "Site" }).getByRole("link", { name: words, exact: true });
  await Promise.all([page.waitForNavigation(), link.click()]);
}

/** Fills fields by their labels. */
export async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await field(page, label).fill(value);
}

/** The field with this label: "New password" does not find "New password again". */
function field(page, label) {
  const words = label.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return page.getByLabel(new RegExp(`^${words}( optional)?$`));
}

/** Presses a button that sends a form, and waits for the page that it leads to. */
export async function press(page, name) {
  const button = page.getByRole("button", { name, exact: typeof name === "string" });
  const answered = page.waitForResponse((it) => it.request().method() === "POST");
  // A script sent the form and navigates by itself.
  const led = page.waitForEvent("framenavigated", { predicate: (frame) => frame === page.mainFrame() }).catch(() => {});
  const [answer] = await Promise.all([answered, button.first().click()]);
  if (answer.status() === 204) await led;
  await page.waitForLoadState("load");
}

/** Asserts that the element is within the window. */
export async function inWindow(locator) {
  const box = await locator.boundingBox();
  const [height, text] = await locator.evaluate((it) => [innerHeight, it.id || it.textContent]);
  assert.ok(box && box.y >= 0 && box.y + box.height <= height, `${text} is within the window: ${JSON.stringify(box)}`);
}

/** Chooses the file of the upload form. */
export async function choose(page, name, buffer) {
  const file = { name, mimeType: "application/x-bittorrent", buffer };
  await page.locator("input[type=file]").setInputFiles(file);
}

/** Downloads the .torrent of the page's torrent: { name, bytes }. */
export async function download(page) {
  const link = page.getByRole("link", { name: /^Download/ });
  const [file] = await Promise.all([page.waitForEvent("download"), link.first().click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return { name: file.suggestedFilename(), bytes: Buffer.concat(chunks) };
}

/** Announces as a client does; returns the decoded answer. */
export async function announce(address) {
  const answer = await fetch(address, { headers: { "User-Agent": "journey/1" } });
  assert.equal(answer.status, 200);
  return decode(Buffer.from(await answer.arrayBuffer()));
}

/** Drops a file on the page's dropzone. */
export async function drop(page, name, buffer) {
  const transfer = await page.evaluateHandle(
    ([name, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "application/x-bittorrent" }));
      return transfer;
    },
    [name, [...buffer]],
  );
  await page.dispatchEvent(".dropzone", "drop", { dataTransfer: transfer });
}
