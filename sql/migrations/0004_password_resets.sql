-- Links that set a new password, and what became of them.

create table password_resets (
    id          integer generated always as identity primary key,
    -- What the link is bound to. The link itself is derived (see infra/src/secrets.rs).
    nonce       bytea not null check (length(nonce) = 16),
    user_id     integer not null references users on delete cascade,
    -- Made at the command line; else by the member `created_by`.
    by_operator boolean not null,
    created_by  integer references users on delete set null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    used_at     timestamptz,
    revoked_at  timestamptz,
    -- When the member dismissed the notice that the password was reset.
    seen_at     timestamptz,
    constraint password_resets_maker check (not (by_operator and created_by is not null))
);

create index password_resets_user on password_resets (user_id, id);
