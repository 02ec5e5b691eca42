-- Reset links by staff and by the operator: open, used and revoked.
insert into password_resets (nonce, user_id, by_operator, created_by, expires_at, used_at, revoked_at) values
    (decode(repeat('ab', 16), 'hex'), 2, false, 1, 'infinity', null, null),
    (decode(repeat('ab', 16), 'hex'), 2, true, null, now(), now(), null),
    (decode(repeat('ab', 16), 'hex'), 3, false, null, now(), null, now());
