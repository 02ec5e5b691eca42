// Starts our programs.

import { spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
export const PROGRAMS = process.env.FAIRYWREN_TEST_PROGRAMS ?? join(TARGET, "debug");

// At a signal, `exit` handlers end the started programs.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Starts a program; returns { child, ended, lines }. `read` turns its output into `lines`, or null if it ended early. */
export async function startProgram(name, parameters, read) {
  const child = spawn(join(PROGRAMS, name), parameters, { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill("SIGTERM"));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const lines = await read(child.stdout);
  if (!lines) {
    await ended;
    throw new Error(`${name} ended before it was ready:\n${log}`);
  }
  return { child, ended, lines };
}

/** Command lines of processes that name `folder`. */
export async function processesOf(folder) {
  const ids = (await readdir("/proc")).filter((it) => /^\d+$/.test(it));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(folder));
}
