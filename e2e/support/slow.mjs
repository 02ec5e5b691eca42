// An upload that takes as long as a test needs it to.

import { request } from "node:http";

// Faster than the site demands of a body, and for minutes less than it takes of a file.
const CHUNK = Buffer.alloc(32 << 10, "d");
const PAUSE = 500;

/** Uploads in the name of whoever is signed in on the form of `page`; answers what breaks it off. */
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
