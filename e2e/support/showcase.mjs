// Torrents of a realistic site, for the screenshot in the README.

import { announceAddress, decode, encode, sha1 } from "./torrent.mjs";

const MIB = 1 << 20;
// Title, number of files, MiB in all, seeders, leechers, snatches.
const TORRENTS = [
  ["Letters of a lighthouse keeper, scanned at 600 dpi", 212, 1740, 41, 3, 38],
  ["Folk songs of the northern islands, wax cylinders 1908 to 1913", 64, 812, 27, 0, 26],
  ["River maps 1780 to 1890", 31, 466, 9, 1, 4],
  ["Debian 13.2 netinst, amd64 and arm64", 2, 1391, 118, 12, 117],
  ["Moths of the heath, photographs by night", 540, 5230, 6, 2, 5],
  ["Open lectures on tides and currents, complete", 24, 18_600, 16, 5, 12],
  ["Superb fairywren, dawn calls in the garden", 12, 1210, 63, 2, 61],
];

/** Uploads them as the member signed in on `page` and announces their peers; returns id and counts of the last one. */
export async function fill(page, site) {
  const { csrf_token: csrf } = await (await page.request.get(`${site}/api/session`)).json();
  let id;
  for (const [number, [title, files, size, seeders, leechers, snatched]] of TORRENTS.entries()) {
    const made = await page.request.post(`${site}/api/torrents`, {
      headers: { "X-CSRF-Token": csrf },
      multipart: {
        torrent: { name: "one.torrent", mimeType: "application/x-bittorrent", buffer: metainfo(title, files, size) },
        title,
      },
    });
    ({ id } = await made.json());
    const ours = decode(await (await page.request.get(`${site}/api/torrents/${id}/metainfo`)).body());
    const infoHash = sha1(encode(ours.info));
    const announce = (peer, left, event) => {
      const peerId = `-qB5130-${String(number).padStart(4, "0")}${String(peer).padStart(8, "0")}`;
      const fields = { port: 10_000 + peer, uploaded: 0, downloaded: 0, left, event };
      return fetch(announceAddress(ours.announce.toString(), infoHash, peerId, fields));
    };
    for (let peer = 0; peer < seeders + leechers; peer += 1) {
      const waits = peer < snatched || peer >= seeders;
      await announce(peer, waits ? MIB : 0, "started");
      if (peer < snatched) await announce(peer, 0, "completed");
    }
  }
  const [, , , seeders, leechers, snatched] = TORRENTS.at(-1);
  return [id, { seeders, leechers, snatched }];
}

/** A .torrent with files of equal size and made-up piece hashes. */
function metainfo(name, count, mib) {
  const pieceLength = 4 * MIB;
  const length = Math.floor((mib * MIB) / count);
  const files = Array.from({ length: count }, (_, i) => ({ length, path: [`${String(i + 1).padStart(3, "0")}.bin`] }));
  const pieces = Buffer.alloc(20 * Math.ceil((length * count) / pieceLength), name);
  return encode({ info: { files, name, "piece length": pieceLength, pieces, private: 1 } });
}
