// Ports for programs that cannot choose a free one by themselves.

import { createServer } from "node:net";

/** Resolves to a port that is free at present. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
