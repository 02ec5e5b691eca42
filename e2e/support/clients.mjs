// Two unmodified BitTorrent clients: Debian's aria2 and libtorrent for Python.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort } from "./port.mjs";
import { TARGET } from "./product.mjs";
import { end } from "./until.mjs";

const PYTHON = process.env.FAIRYWREN_TEST_PYTHON ?? join(TARGET, "test-venv", "bin", "python");
const SCRIPT = fileURLToPath(new URL("libtorrent_client.py", import.meta.url));

// Both return { output(), unlimited(), stop() }; `output` returns what the client has printed so far.

/** Starts libtorrent with `torrent` and its content in `folder`; `limit` is its download rate in bytes per second. */
export function startLibtorrent(torrent, folder, limit) {
  const limits = limit ? [String(limit)] : [];
  const client = run(PYTHON, [SCRIPT, torrent, folder, ...limits]);
  return {
    output: client.output,
    unlimited: async () => client.child.stdin.write("unlimited\n"),
    stop: () => {
      client.child.stdin.write("stop\n");
      return end(client.child, null, client.ended);
    },
  };
}

/** Starts aria2, with the same parameters. */
export async function startAria2(torrent, folder, limit = 0) {
  const [rpcPort, peerPort] = await Promise.all([freePort(), freePort()]);
  const client = run("aria2c", [
    "--no-conf",
    "--enable-rpc",
    `--rpc-listen-port=${rpcPort}`,
    "--enable-dht=false",
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--enable-peer-exchange=false",
    `--listen-port=${peerPort}`,
    "--check-integrity=true",
    "--seed-ratio=0.0",
    "--file-allocation=none",
    "--console-log-level=notice",
    `--max-overall-download-limit=${limit}`,
    `--dir=${folder}`,
    `--torrent-file=${torrent}`,
  ]);
  const ask = (method, ...params) => callAria2(rpcPort, method, params);
  return {
    output: client.output,
    unlimited: () => ask("changeGlobalOption", { "max-overall-download-limit": "0" }),
    // At SIGINT, aria2 announces `stopped` before it ends.
    stop: () => end(client.child, "SIGINT", client.ended),
  };
}

function run(program, parameters) {
  const child = spawn(program, parameters, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.once("error", (error) => (output += error.message));
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return { child, ended, output: () => `${program}:\n${output}` };
}

async function callAria2(port, method, params) {
  const answer = await fetch(`http://127.0.0.1:${port}/jsonrpc`, {
    method: "POST",
    body: JSON.stringify({ jsonrpc: "2.0", id: "1", method: `aria2.${method}`, params }),
  });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
}
