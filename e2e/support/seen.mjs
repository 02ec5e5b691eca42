// Waits for elements to be within the window, or focused.

import { until } from "./until.mjs";

/** Waits until all of the element lies within the window. */
export async function awaitInWindow(locator) {
  let box;
  const inside = () =>
    locator.evaluate((it) => {
      const { top, bottom, left, right } = it.getBoundingClientRect();
      const fits = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth && bottom > top;
      return { top, bottom, left, right, fits };
    });
  try {
    await until("it lies within the window", async () => (box = await inside()).fits);
  } catch (error) {
    error.message += `: ${JSON.stringify(box)}`;
    throw error;
  }
}

/** Waits until the element, or something in it, has the focus. */
export function awaitFocus(locator) {
  return until("it has the focus", () => locator.evaluate((it) => it.contains(document.activeElement)));
}
