// Checks the layout: nothing wider than the window, no broken word that would fit, no overlapping boxes.

import assert from "node:assert/strict";

/** Widths of the window in pixels, from the narrowest phone to a wide desktop. */
export const WIDTHS = [320, 360, 390, 700, 760, 800, 900, 1024, 1280, 1600, 1920];

/** Widths at which text of twice the size leaves least room. */
const LARGE = [320, 390, 700, 1024, 1280, 1920];

/** Checks the page at all widths, and with text of twice the size. */
export async function checkWidths(page, name) {
  const before = page.viewportSize();
  const faults = [];
  for (const [text, widths] of [["100%", WIDTHS], ["200%", LARGE]]) {
    // By script: the page's Content-Security-Policy refuses style attributes.
    await page.evaluate((text) => void (document.documentElement.style.fontSize = text), text);
    for (const width of widths) {
      await page.setViewportSize({ ...before, width });
      const found = await page.evaluate(measure);
      faults.push(...found.map((fault) => `${width} px, text of ${text}: ${fault}`));
    }
  }
  await page.evaluate(() => void (document.documentElement.style.fontSize = ""));
  await page.setViewportSize(before);
  assert.deepEqual(faults, [], `${name}: everything fits`);
}

/** Runs in the page: returns a sentence for each element that does not fit. */
export function measure() {
  const faults = [];
  const root = document.scrollingElement;
  const wide = root.clientWidth;
  const em = parseFloat(getComputedStyle(document.body).fontSize);
  const SLACK = 1;
  const words = (it) => `<${it.localName}${it.className && it.getAttribute("class") ? `.${it.getAttribute("class")}` : ""}> “${it.textContent.trim().slice(0, 40)}”`;
  const complain = (it, text) => faults.length < 8 && faults.push(`${words(it)} ${text}`);

  if (root.scrollWidth > wide) faults.push(`the page is ${root.scrollWidth - wide} pixels too wide`);

  const style = new Map();
  const styleOf = (it) => style.get(it) ?? (style.set(it, getComputedStyle(it)), style.get(it));
  // An element that scrolls, or cuts its text with an ellipsis, may have content wider than itself.
  const holds = (it) => styleOf(it).overflowX !== "visible" || it.localName === "svg" || it.localName === "select";
  const shown = (it) => it.checkVisibility({ contentVisibilityAuto: true }) && !it.closest(".sr-only, .skip, thead");

  for (const it of walk(document.body)) {
    const box = it.getBoundingClientRect();
    if (box.right > wide + SLACK || box.left < -SLACK) complain(it, `ends at ${Math.round(box.right)} of ${wide} pixels`);
    const text = [...it.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text) continue;
    if (styleOf(it).display !== "inline" && !holds(it) && it.scrollWidth > it.clientWidth + SLACK && it.clientWidth > 0) {
      complain(it, `is ${it.scrollWidth - it.clientWidth} pixels wider than its box`);
    }
    breaks(it);
  }
  for (const row of document.querySelectorAll(".file, .files summary")) {
    const [name, size] = [row.querySelector(".file-name"), row.querySelector(".file-size")];
    if (name && size && shown(row) && meet(name.getBoundingClientRect(), size.getBoundingClientRect())) {
      complain(row, "has its size upon its name");
    }
  }
  for (const folder of document.querySelectorAll(".folder")) {
    if (!shown(folder) || lines(folder) < 2) continue;
    // The space at a line break has no box.
    if (widthOf(folder) + em / 2 < folder.parentElement.clientWidth) complain(folder, "is a folder's name in two lines");
  }
  for (const it of document.querySelectorAll(".masthead :is(a, button, summary), .table :is(th, time[title])")) {
    if (shown(it) && lines(it) > 1) complain(it, "stands in two lines");
  }
  for (const table of document.querySelectorAll(".table")) {
    const room = table.parentElement.clientWidth;
    if (shown(table) && table.offsetWidth > room + SLACK) complain(table, `is ${table.offsetWidth - room} pixels wider than its frame`);
  }
  const masthead = document.querySelector(".masthead");
  if (masthead && !masthead.querySelector("details[open]") && masthead.offsetHeight > 7 * em) complain(masthead, "is too high");
  return faults;

  /** Visible elements outside of elements that scroll or cut. */
  function* walk(parent) {
    for (const it of parent.children) {
      if (!shown(it)) continue;
      yield it;
      if (!holds(it)) yield* walk(it);
    }
  }

  function meet(a, b) {
    return Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;
  }

  /** The number of lines of its text. */
  function lines(it) {
    const boxes = [];
    const texts = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const node = texts.currentNode;
      if (node.data.trim() && shown(node.parentElement)) boxes.push(...boxesOf(node, 0, node.length));
    }
    boxes.sort((a, b) => a.top - b.top);
    return boxes.filter((box, at) => at === 0 || box.top >= boxes[at - 1].bottom - 2).length;
  }

  function boxesOf(node, from, to) {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    return [...range.getClientRects()].filter((box) => box.width > 1);
  }

  /** The width of its text in one line. */
  function widthOf(it) {
    const range = document.createRange();
    range.selectNodeContents(it);
    return [...range.getClientRects()].reduce((sum, box) => sum + box.width, 0);
  }

  /** Complains about words of 3 to 20 letters that are broken although a line of their block has room for them. */
  function breaks(it) {
    if (it.closest(".code, code")) return;
    const block = blockOf(it);
    for (const node of it.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE) continue;
      // Lines may break after a dash or a slash.
      for (const { 0: word, index } of node.data.matchAll(/(?<!\S)[^\s\-\u2010-\u2014/?&]{3,20}(?!\S)/g)) {
        const boxes = boxesOf(node, index, index + word.length);
        const sum = boxes.reduce((sum, box) => sum + box.width, 0);
        if (boxes.length > 1 && boxes[1].top > boxes[0].top + 2 && sum < roomIn(block)) {
          complain(it, `breaks “${word}”`);
          return;
        }
      }
    }
  }

  function roomIn(block) {
    const { paddingLeft, paddingRight } = styleOf(block);
    return block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - 2;
  }

  function blockOf(it) {
    while (styleOf(it).display.startsWith("inline")) it = it.parentElement;
    return it;
  }
}
