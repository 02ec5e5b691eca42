// The REST API, as scripts use it.

import assert from "node:assert/strict";

/** Claims an invite; returns a client that uses an API token of the new member. */
export async function claim(link, username, password) {
  const { origin, pathname } = new URL(link);
  const secret = pathname.split("/").pop();
  await call(`${origin}/api/invites/${secret}`, { method: "POST", json: { username, password }, status: 201 });
  return signIn(origin, username, password);
}

/** Signs in with the password and makes an API token; returns a client that uses it. */
export async function signIn(site, username, password) {
  const answer = await call(`${site}/api/session`, { method: "POST", json: { username, password }, status: 201 });
  const { csrf_token: csrf, user } = await answer.json();
  // Only the first cookie is needed. Debian's Node 18 has no `getSetCookie`.
  const [cookie] = answer.headers.get("set-cookie").split(";");
  const made = await call(`${site}/api/tokens`, {
    method: "POST",
    // Names of a member's tokens are unique.
    json: { name: `e2e ${crypto.randomUUID()}` },
    headers: { cookie, "X-CSRF-Token": csrf },
    status: 201,
  });
  const { token } = await made.json();
  const headers = { Authorization: `Bearer ${token}` };
  return {
    user,
    username,
    password,
    call: (path, options = {}) => call(`${site}/api${path}`, { ...options, headers }),
  };
}

/** Uploads a .torrent; returns the answer's JSON. */
export async function upload(member, name, metainfo) {
  const body = new FormData();
  body.set("torrent", new Blob([metainfo], { type: "application/x-bittorrent" }), name);
  const answer = await member.call("/torrents", { method: "POST", body, status: 201 });
  return answer.json();
}

/** Downloads the member's own .torrent. */
export async function download(member, id) {
  const answer = await member.call(`/torrents/${id}/metainfo`);
  return Buffer.from(await answer.arrayBuffer());
}

async function call(address, { method = "GET", json, body, headers = {}, status = 200 } = {}) {
  const answer = await fetch(address, {
    method,
    headers: json ? { ...headers, "Content-Type": "application/json" } : headers,
    body: json ? JSON.stringify(json) : body,
  });
  if (answer.status !== status) {
    assert.fail(`${method} ${new URL(address).pathname}: ${answer.status} instead of ${status}: ${await answer.text()}`);
  }
  return answer;
}
