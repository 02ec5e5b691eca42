-- A member who changed something, and a title whose words are forgotten.
insert into member_changes (user_id, day, uploads, edits) values (1, '2026-11-21', 2, 1);
update torrents set title = 'Other House' where id = 1;
