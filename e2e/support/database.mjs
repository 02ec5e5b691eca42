// Makes the database of a running site hang.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Stops all processes of the database in the folder `data` while `body` runs, and continues them afterwards. */
export async function whileDatabaseHangs(data, body) {
  const [server] = (await readFile(join(data, "postgres", "postmaster.pid"), "utf8")).split("\n");
  // The server first: it would start a new child for a stopped one.
  process.kill(Number(server), "SIGSTOP");
  const children = await readFile(`/proc/${server}/task/${server}/children`, "utf8");
  const all = [server, ...children.trim().split(" ")].filter(Boolean).map(Number);
  const signal = (name) => {
    for (const id of all) {
      try {
        process.kill(id, name);
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
    }
  };
  try {
    signal("SIGSTOP");
    await body();
  } finally {
    signal("SIGCONT");
  }
}
