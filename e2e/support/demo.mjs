// Starts `swarm demo` in folders of its own.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { PROGRAMS, processesOf, startProgram } from "./program.mjs";
import { end, until } from "./until.mjs";

const LABELS = ["page", "name", "password"];

/** Starts it with `files` (sizes by path); returns { page, name, password, unlimited(client), stop() }. */
export async function startDemo(files, options = []) {
  const root = join(tmpdir(), `swarm-e2e-${randomUUID()}`);
  const [data, sources] = [join(root, "data"), join(root, "sources")];
  for (const [path, size] of Object.entries(files)) {
    await mkdir(dirname(join(sources, path)), { recursive: true });
    await writeFile(join(sources, path), randomBytes(size));
  }
  const parameters = ["demo", "--data", data, "--sources", sources, "--site", "127.0.0.1:0", ...options];
  const { child, ended, lines } = await startProgram("swarm", parameters, readLines);
  return { ...lines, unlimited: (client) => lift(data, client), stop: () => stop(child, ended, root) };
}

/** Reads its output until page, name and password are known; null if it ends before. Later lines are discarded. */
function readLines(stdout) {
  const found = {};
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdout });
    lines.on("line", (line) => {
      const label = LABELS.find((it) => line.startsWith(`${it} `));
      if (label) found[label] = line.slice(label.length + 1);
      if (LABELS.every((it) => it in found)) resolve(found);
    });
    lines.once("close", () => resolve(null));
  });
}

/** Lifts a client's rate limit. */
async function lift(data, client) {
  await promisify(execFile)(join(PROGRAMS, "swarm"), ["ctl", "--data", data, "throttle", client]);
}

/** Ends it as Ctrl-C does, and checks that no process is left. */
async function stop(child, ended, root) {
  const { code, signal } = await end(child, "SIGINT", ended);
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, "Ctrl-C ends it in good order");
  await until("no process holds the folder", async () => (await processesOf(root)).length === 0);
  await rm(root, { recursive: true });
}
