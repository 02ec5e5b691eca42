// The database of a running product, made to hang.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Runs `body` while no process of the database in the data folder answers, and lets them all go on afterwards. */
export async function whileDatabaseHangs(data, body) {
  const [server] = (await readFile(join(data, "postgres", "postmaster.pid"), "utf8")).split("\n");
  // The server first: it would replace a child.
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
