-- Transfers of members, one of them with a cut claim, and a day of history.
insert into report_streams (epoch, seq) values (-1, 7), (1, 9223372036854775807);
insert into transfers (user_id, torrent_id, uploaded, downloaded, seeded_seconds, snatched_at, clamped_count, clamped_at)
    values (1, 1, 1000, 0, 60, null, 0, null), (2, 1, 0, 9223372036854775807, 0, now(), 3, now());
insert into user_totals (user_id, uploaded) values (1, 1000), (2, 0);
insert into history_days (day, hours) values ('2026-11-21', 1);
insert into torrent_history (torrent_id, day, points) values (1, '2026-11-21', '\x000000000300000002');
-- Extended information that is larger, when printed, than migration 3 allows.
insert into torrents (info_hash_v1, title, extended, size, file_count, search)
    values (decode(repeat('04', 20), 'hex'), 'Numbers', jsonb_build_object('a', array_fill(1e308::numeric, array[500])),
            1, 1, '');
