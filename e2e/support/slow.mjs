// An upload that goes on until a test ends it.

import { request } from "node:http";

// 64 KiB a second: faster than the site's minimum, and minutes below its largest file.
const CHUNK = Buffer.alloc(32 << 10, "d");
const PAUSE = 500;

/** Starts an upload as the member signed in on `page`; returns a function that breaks it off. */
export async function startSlowUpload(page, site) {
  const cookies = await page.context().cookies(site);
  const sent = request(`${site}/api/torrents`, {
    method: "POST",
    headers: {
      cookie: cookies.map((it) => `${it.name}=${it.value}`).join("; "),
      "X-CSRF-Token": await page.locator("input[name=csrf]").first().inputValue(),
      "Content-Type": "multipart/form-data; boundary=slow",
    },
  });
  sent.on("error", () => {});
  sent.write('--slow\r\nContent-Disposition: form-data; name="torrent"; filename="slow.torrent"\r\n\r\n');
  const timer = setInterval(() => sent.write(CHUNK), PAUSE);
  return () => {
    clearInterval(timer);
    sent.destroy();
  };
}
