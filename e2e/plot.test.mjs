// The plot of seeders and leechers, with a history written into the database.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { claim, upload } from "./support/api.mjs";
import { launch, openPage } from "./support/browser.mjs";
import { checkPage } from "./support/checks.mjs";
import { PROGRAMS, startProduct } from "./support/product.mjs";
import { makeTorrent } from "./support/torrent.mjs";

const VIEWPORTS = { phone: { width: 360, height: 800 }, desk: { width: 1280, height: 800 } };

// Torrent 1 is 200 days old; its numbers change with the hour of the day, and two days are unknown. Torrent 2 is a day old.
const NUMBERS = `
  update torrents set created_at = now() - case id when 1 then interval '200 days' else interval '24 hours' end;
  insert into history_days select day, (1 << 24) - 1 from generate_series(current_date - 89, current_date, '1 day') as day
    on conflict (day) do update set hours = excluded.hours;
  update history_days set hours = 0 where day in (current_date - 32, current_date - 31);
  insert into torrent_history
    select 1, day, string_agg(
      set_byte('\\x00', 0, hour) || int4send(12000 + (4000 * sin(hour / 4.0))::int) || int4send(900 - 30 * hour), ''
      order by hour)
    from generate_series(current_date - 89, current_date, '1 day') as day, generate_series(0, 23) as hour
    group by day;
  insert into torrent_history
    select 2, day, set_byte('\\x00', 0, 0) || int4send(2) || int4send(1)
    from generate_series(current_date - 1, current_date, '1 day') as day`;

let product, browser, member;

before(async () => {
  product = await startProduct();
  browser = await launch();
  member = await claim(product.invite, "ada", "a long enough password");
  for (const name of ["old.bin", "new.bin"]) {
    const { metainfo } = makeTorrent(name, Buffer.alloc(1000, name));
    await upload(member, name, metainfo);
  }
  execFileSync(`${PROGRAMS}/fairywren`, ["psql", "--data", product.data, "--", "--quiet", "--command", NUMBERS]);
});

after(async () => {
  await browser?.close();
  await product?.stop();
});

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  test(`the plot fills its card and its labels do not overlap on a ${device}`, async () => {
    const context = await browser.newContext({ viewport });
    const { username, password } = member;
    await context.request.post(`${product.site}/api/session`, { data: { username, password } });
    const page = await openPage(context);
    for (const [id, name] of [[1, "old"], [2, "new"]]) {
      await page.goto(`${product.site}/torrents/${id}`);
      await checkPage(page, `${device}-plot-${name}`);
      const boxes = await page.locator(".plot-times span").evaluateAll((spans) =>
        // A narrow plot hides every other label.
        spans.filter((span) => span.getClientRects().length > 0).map((span) => {
          const range = document.createRange();
          range.selectNodeContents(span);
          const { left, right } = range.getBoundingClientRect();
          return { left, right };
        }),
      );
      const card = await page.locator(".card", { has: page.locator(".plot") }).boundingBox();
      for (const [i, { right }] of boxes.entries()) {
        assert.ok(right < (boxes[i + 1]?.left ?? card.x + card.width), `label ${i} of ${name}`);
      }
      const { width } = await page.locator(".plot-field").boundingBox();
      assert.ok(width > card.width * 0.7 && width < card.width, `${width} of ${card.width}`);
    }
    await page.locator("summary", { hasText: "Numbers by day" }).click();
    assert.equal(await page.locator(".plot-table tbody tr").count(), 2);
    await checkPage(page, `${device}-plot-numbers`);
    await context.close();
  });
}
