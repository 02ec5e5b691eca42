// Bencoding and metainfo, as far as tests need them.

import { createHash } from "node:crypto";

export const sha1 = (bytes) => createHash("sha1").update(bytes).digest();
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Bencodes numbers, strings, buffers, arrays and objects, whose keys are sorted. */
export function encode(value) {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return encode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from("l"), ...value.map(encode), Buffer.from("e")]);
  const pairs = Object.keys(value).sort().flatMap((key) => [encode(key), encode(value[key])]);
  return Buffer.concat([Buffer.from("d"), ...pairs, Buffer.from("e")]);
}

/** Decodes bencoded bytes: strings become buffers, dictionaries objects. */
export function decode(bytes) {
  let at = 0;
  const until = (end) => {
    const stop = bytes.indexOf(end, at);
    const text = bytes.toString("latin1", at, stop);
    at = stop + 1;
    return text;
  };
  const value = () => {
    const kind = String.fromCharCode(bytes[at]);
    if (/\d/.test(kind)) {
      const length = Number(until(":"));
      return bytes.subarray(at, (at += length));
    }
    at += 1;
    if (kind === "i") return Number(until("e"));
    const items = [];
    while (bytes[at] !== 0x65) items.push(value());
    at += 1;
    if (kind === "l") return items;
    const pairs = [];
    for (let i = 0; i < items.length; i += 2) pairs.push([items[i].toString("latin1"), items[i + 1]]);
    return Object.fromEntries(pairs);
  };
  return value();
}

/** Makes a v1 .torrent of one file with `content`; returns { metainfo, infoHash }. */
export function makeTorrent(name, content, { pieceLength = 1 << 16, isPrivate = true } = {}) {
  const pieces = [];
  for (let at = 0; at < content.length; at += pieceLength) pieces.push(sha1(content.subarray(at, at + pieceLength)));
  const info = {
    length: content.length,
    name,
    "piece length": pieceLength,
    pieces: Buffer.concat(pieces),
    ...(isPrivate && { private: 1 }),
  };
  const metainfo = encode({ announce: "http://elsewhere.example/announce", info });
  return { metainfo, infoHash: sha1(encode(info)) };
}

/** Makes a private .torrent of a folder with files of 1000 bytes at `paths`. */
export function makeFolder(name, paths) {
  const files = paths.map((path) => ({ length: 1000, path: path.split("/") }));
  const pieces = Buffer.alloc(20 * Math.ceil((files.length * 1000) / (1 << 16)), sha1(Buffer.from(name)));
  return encode({ info: { files, name, "piece length": 1 << 16, pieces, private: 1 } });
}

/** The URL of an announce. */
export function announceAddress(announce, infoHash, peerId, fields) {
  const raw = (bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const query = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  return `${announce}?info_hash=${raw(infoHash)}&peer_id=${raw(Buffer.from(peerId))}&${query.join("&")}`;
}
