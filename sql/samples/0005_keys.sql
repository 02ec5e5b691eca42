-- A member with a nonce and one after a reset of their key, tokens with scopes, a feed key, an invite with a note.
insert into users (name, password_hash) values ('jay', 'x'), ('heron', 'x');
update users set former_key_nonce = key_nonce, key_nonce = decode(repeat('ef', 16), 'hex'), key_version = 1
    where name = 'heron';
insert into api_tokens (user_id, name, nonce, scopes, expires_at) values
    (4, 'b', decode(repeat('ab', 16), 'hex'), array['read', 'download'], now()),
    (4, 'c', decode(repeat('cd', 16), 'hex'), array['all'], null);
insert into feed_keys (user_id, name, nonce) values (4, 'reader', decode(repeat('ab', 16), 'hex'));
insert into invites (nonce, created_by, expires_at, note) values (decode(repeat('12', 16), 'hex'), 1, 'infinity', 'a friend');
