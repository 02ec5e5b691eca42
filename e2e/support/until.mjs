// Waiting for conditions, with a timeout far longer than the busiest machine takes.

/** Milliseconds after which a condition that is still false fails the test. */
export const TIMEOUT = 300_000;

const PAUSE = 50;

/** Calls `probe` until its result is truthy, and returns that. Fails with `what` and the last error. */
export async function until(what, probe, timeout = TIMEOUT) {
  const end = Date.now() + timeout;
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
  throw new Error(`waited ${timeout / 1000} s in vain: ${what}`, { cause: last });
}

/** Sends `signal`, if any, and resolves with `ended`. A program that does not end is killed, and the test fails. */
export async function end(child, signal, ended, timeout = TIMEOUT) {
  if (signal) child.kill(signal);
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${child.spawnfile} does not end within ${timeout / 1000} s`));
    }, timeout);
  });
  return Promise.race([ended, tooLong]).finally(() => clearTimeout(timer));
}
