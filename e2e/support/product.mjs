// Starts `fairywren up` in a data folder of its own.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

import { PROGRAMS, ROOT, TARGET, processesOf, startProgram } from "./program.mjs";
import { end, until } from "./until.mjs";

const LABELS = ["site", "tracker", "first account"];

export { PROGRAMS, ROOT, TARGET };

const FREE_PORTS = ["--site", "127.0.0.1:0", "--tracker", "127.0.0.1:0"];

/** Starts it; returns { site, tracker, invite, data, kill(program), stop() }. `invite` is the link of the first account. */
export async function startProduct({ data = newFolder(), options = FREE_PORTS } = {}) {
  await prepare(data);
  const parameters = ["up", "--data", data, ...options];
  const { child, ended, lines } = await startProgram("fairywren", parameters, readLines);
  return {
    site: lines.site,
    tracker: lines.tracker,
    invite: lines["first account"],
    data,
    kill: (program) => killChild(child.pid, program),
    stop: ({ keep = false } = {}) => stop(child, ended, data, keep),
  };
}

/** A folder name; [prepare] makes the folder so that the database's user may enter it. */
function newFolder() {
  return join(tmpdir(), `fairywren-e2e-${randomUUID()}`);
}

/** Makes a new data folder, with a configuration that waits for the database as long as a busy machine takes. */
async function prepare(data) {
  if (!(await mkdir(data, { recursive: true, mode: 0o711 }))) return;
  const configuration = {
    apiUrl: "http://127.0.0.1:8000",
    trackerUrl: "http://127.0.0.1:8080",
    salt: randomBytes(32).toString("base64"),
    webapi: { listen: "127.0.0.1:8000", secure: false, backendTimeoutSeconds: 60 },
    tracker: { listen: ["127.0.0.1:8080"], databaseTimeoutSeconds: 10 },
  };
  await writeFile(join(data, "fairywren.conf.json"), JSON.stringify(configuration), { mode: 0o600 });
}

/** Reads its output until it is ready; null if it ends before. */
async function readLines(stdout) {
  const found = {};
  for await (const line of createInterface({ input: stdout })) {
    if (line === "ready") return found;
    const label = LABELS.find((it) => line.startsWith(`${it} `));
    assert.ok(label, `an unknown line on standard output: ${line}`);
    found[label] = line.slice(label.length + 1);
  }
  return null;
}

/** Ends it by SIGTERM, and checks that no process is left. */
async function stop(child, ended, data, keep) {
  const { code, signal } = await end(child, "SIGTERM", ended);
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, "SIGTERM ends it in good order");
  await until("no process holds the data folder", async () => (await processesOf(data)).length === 0);
  if (!keep) await rm(data, { recursive: true });
}

/** Kills the child `program` with SIGKILL, as the system does when memory runs out. */
async function killChild(parent, program) {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8");
  for (const id of children.trim().split(" ")) {
    const [path] = (await readFile(`/proc/${id}/cmdline`, "utf8")).split("\0");
    if (basename(path) === program) return process.kill(Number(id), "SIGKILL");
  }
  throw new Error(`fairywren has no child ${program}`);
}
