-- Members with roles, sessions, tokens and invites, and torrents of each version.
insert into users (name, password_hash) values ('wren', 'x'), ('robin', 'x'), ('owl', 'x');
update users set invited_by = 1, disabled_at = now() where name = 'owl';
insert into user_roles (user_id, role) values (1, 'administrator'), (1, 'inviter'), (2, 'inviter');
insert into sessions (id, user_id, data, expires_at) values ('\x01', 1, '{}', 'infinity'), ('\x02', null, '{}', now());
insert into api_tokens (user_id, name, nonce)
    values (1, 'a', decode(repeat('ab', 16), 'hex')), (1, 'a', decode(repeat('cd', 16), 'hex'));
insert into invites (nonce, created_by, expires_at, claimed_by, claimed_at) values
    (decode(repeat('ab', 16), 'hex'), 1, 'infinity', null, null),
    (decode(repeat('ab', 16), 'hex'), 3, 'infinity', null, null),
    (decode(repeat('ab', 16), 'hex'), null, 'infinity', 1, now());
insert into torrents (info_hash_v1, info_hash_v2, title, extended, size, file_count, uploader_id, snatched, search) values
    (decode(repeat('01', 20), 'hex'), null, 'Wren House', '{"Year": 2026}', 1, 1, 1, 5, search_words('Wren House', 'a.iso')),
    (null, decode(repeat('02', 32), 'hex'), 'Ångström', null, 0, 1, 2, 0, search_words('Ångström', 'b')),
    (decode(repeat('03', 20), 'hex'), decode(repeat('03', 32), 'hex'), '鳥の歌', null, 9223372036854775807, 100000, null, 0,
     search_words('鳥の歌', ''));
insert into metainfo (torrent_id, info, piece_layers) values (1, 'd4:name1:ae', null), (2, 'd4:name1:be', '\x00');
insert into files (torrent_id, position, path, size) values (1, 0, 'a.iso', 1), (2, 0, 'b', 0);
update torrent_counts set seeders = 3, leechers = 2 where torrent_id = 1;
