-- What the announce keys of an account are bound to beside its id and the number of resets: random bytes, drawn anew by
-- a reset. After a restored backup ids are given out a second time, but never with the same nonce.
-- Accounts that are there keep the empty nonce, with which their keys go on working until they are reset.
alter table users
    add column key_nonce bytea not null default ''
        constraint users_key_nonce_length check (length(key_nonce) in (0, 16)),
    -- The one before the last reset: the tracker tells by it that a key was reset.
    add column former_key_nonce bytea not null default ''
        constraint users_former_key_nonce_length check (length(former_key_nonce) in (0, 16));

-- 122 random bits in 16 bytes.
alter table users alter column key_nonce set default uuid_send(gen_random_uuid());

drop trigger user_changed on users;
create trigger user_changed after update of key_version, key_nonce, disabled_at on users
    for each row execute function tell_tracker('user');

-- What an API token may be used for, and until when. Tokens from before there were scopes have none: they go on to open
-- all of the account, without an end.
alter table api_tokens
    add column scopes text[]
        constraint api_tokens_scopes_known check (
            cardinality(scopes) > 0
            and scopes <@ array['read', 'download', 'upload', 'queue', 'announce-list', 'all']
        ),
    add column expires_at timestamptz;

create unique index api_tokens_name_unique on api_tokens (user_id, name) where scopes is not null;

-- Keys that list and download torrents and open nothing else, for programs that only take a URL.
create table feed_keys (
    id           integer generated always as identity primary key,
    user_id      integer not null references users on delete cascade,
    name         text not null constraint feed_keys_name_length check (length(name) between 1 and 100),
    nonce        bytea not null check (length(nonce) = 16),
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    constraint feed_keys_name_unique unique (user_id, name)
);

-- For whom an invite is, in the words of its maker.
alter table invites
    add column note text constraint invites_note_length check (length(note) between 1 and 100);

-- An invite ends with its maker's right to make it. Of those who lost that right before, none stays open.
update invites i set revoked_at = now()
where i.claimed_at is null and i.revoked_at is null and i.created_by is not null
  and not exists (
      select from user_roles r where r.user_id = i.created_by and r.role in ('administrator', 'inviter')
  );
