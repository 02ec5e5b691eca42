// Waiting for a condition, never for a time.

const PAUSE = 50;

/** Calls `probe` until it answers something true, and answers that. Fails with `wish` and the last error. */
export async function until(wish, probe, patience = 30_000) {
  const end = Date.now() + patience;
  let last;
  do {
    try {
      const answer = await probe();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  } while (Date.now() < end);
  throw new Error(`waited ${patience / 1000} s in vain: ${wish}`, { cause: last });
}
