// Torrents as a real site has them, for the picture in the README.

import { encode, announceAddress, decode, makeTorrent, sha1 } from "./torrent.mjs";

const TITLES = [
  ["Letters of a lighthouse keeper, scanned at 600 dpi", 41, 3],
  ["Folk songs of the northern islands, wax cylinders 1908 to 1913", 27, 0],
  ["River maps 1780 to 1890", 9, 1],
  ["Debian 13.2 netinst, amd64 and arm64", 118, 12],
  ["Open lectures on tides and currents, complete", 16, 5],
  ["Superb fairywren, dawn calls in the garden", 63, 2],
];

/** Uploads them as the member who is signed in on `page`, and announces their peers. */
export async function fill(page, site) {
  const { csrf_token: csrf } = await (await page.request.get(`${site}/api/session`)).json();
  for (const [number, [title, seeders, leechers]] of TITLES.entries()) {
    const content = Buffer.alloc(1 << 20, `${title} `);
    const { metainfo } = makeTorrent(`${title}.bin`, content);
    const made = await page.request.post(`${site}/api/torrents`, {
      headers: { "X-CSRF-Token": csrf },
      multipart: { torrent: { name: "one.torrent", mimeType: "application/x-bittorrent", buffer: metainfo }, title },
    });
    const { id } = await made.json();
    const ours = decode(await (await page.request.get(`${site}/api/torrents/${id}/metainfo`)).body());
    const infoHash = sha1(encode(ours.info));
    for (let peer = 0; peer < seeders + leechers; peer += 1) {
      const peerId = `-qB5130-${String(number).padStart(4, "0")}${String(peer).padStart(8, "0")}`;
      const left = peer < seeders ? 0 : content.length;
      const fields = { port: 10_000 + peer, uploaded: 0, downloaded: 0, left, event: "started" };
      await fetch(announceAddress(ours.announce.toString(), infoHash, peerId, fields));
    }
  }
}
