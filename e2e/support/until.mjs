// Waiting for a condition, never for a time; and never for ever, but far longer than the busiest machine takes.

export const PATIENCE = 300_000;

const PAUSE = 50;

/** Calls `probe` until it answers something true, and answers that. Fails with `wish` and the last error. */
export async function until(wish, probe, patience = PATIENCE) {
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

/** Sends `signal`, if any, and answers what `ended` does; what does not end is killed, and the test fails. */
export async function end(child, signal, ended, patience = PATIENCE) {
  if (signal) child.kill(signal);
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${child.spawnfile} does not end within ${patience / 1000} s`));
    }, patience);
  });
  return Promise.race([ended, tooLong]).finally(() => clearTimeout(timer));
}
