-- Members, their sessions and secrets, torrents and what the site knows of them.
-- Secrets themselves are not here: invite links, API tokens and announce keys are derived from the configuration's
-- salt, and a row only holds what goes into the derivation (see infra/src/secrets.rs).

create extension if not exists pg_trgm;

-- Words as search sees them: lower case, without accents, everything but letters and digits a space.
-- The built-in text parser would read "a.b-c" as a host name.
create function words(value text) returns text
    language sql immutable strict parallel safe
    as $$
    select regexp_replace(
        regexp_replace(lower(normalize(value, NFKD)), '[\u0300-\u036f]', '', 'g'),
        '[^[:alnum:]]+', ' ', 'g')
    $$;

-- What a search finds a torrent by: the words of its title in weight A, of its first file names in D.
create function search_words(title text, file_names text) returns tsvector
    language sql immutable strict parallel safe
    as $$
    select setweight(to_tsvector('simple', words(title)), 'A')
        || setweight(to_tsvector('simple', words(file_names)), 'D')
    $$;

-- The words of what was typed, each once.
create function typed_words(value text) returns setof text
    language sql immutable strict parallel safe
    as $$
    select distinct word from regexp_split_to_table(words(value), ' ') as word where word <> '' limit 10
    $$;

-- Every word of what was typed, in any order, as it is. Null when there is no word in it.
create function whole_query(value text) returns tsquery
    language sql immutable strict parallel safe
    as $$
    select string_agg(quote_literal(word), ' & ')::tsquery from typed_words(value) as word
    $$;

-- A word and all that is left of it when one letter is taken out.
create function word_variants(word text) returns text[]
    language sql immutable strict parallel safe
    as $$
    select array_agg(distinct variant)
    from (
        select word as variant
        union all
        select overlay(word placing '' from place for 1) from generate_series(1, length(word)) as place
    ) as variants
    $$;

create table roles (
    name        text primary key,
    description text not null
);

insert into roles (name, description) values
    ('administrator', 'Manages members and their roles, and may do all that a moderator may'),
    ('moderator', 'Edits and deletes any torrent and sees who is connected'),
    ('inviter', 'Creates invites');

create table users (
    id            integer generated always as identity primary key,
    name          text not null,
    password_hash text not null,
    key_version   integer not null default 0,
    invited_by    integer references users on delete set null,
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz,
    constraint users_name_form check (name ~ '^[A-Za-z0-9_.-]{2,32}$')
);

create unique index users_name_unique on users (lower(name));

create table user_roles (
    user_id integer not null references users on delete cascade,
    role    text not null references roles,
    primary key (user_id, role)
);

create index user_roles_role on user_roles (role);

create table sessions (
    -- A keyed hash of the id in the cookie.
    id           bytea primary key,
    public_id    integer generated always as identity unique,
    user_id      integer references users on delete cascade,
    data         jsonb not null,
    user_agent   text not null default '',
    created_at   timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at   timestamptz not null
);

create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table api_tokens (
    id           integer generated always as identity primary key,
    user_id      integer not null references users on delete cascade,
    name         text not null constraint api_tokens_name_length check (length(name) between 1 and 100),
    nonce        bytea not null check (length(nonce) = 16),
    created_at   timestamptz not null default now(),
    last_used_at timestamptz
);

create index api_tokens_user on api_tokens (user_id);

create table invites (
    id         integer generated always as identity primary key,
    nonce      bytea not null check (length(nonce) = 16),
    -- Null for the first account's, which no member created.
    created_by integer references users on delete cascade,
    -- What the new member may do from the start.
    roles      text[] not null default '{}',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    claimed_by integer references users on delete set null,
    claimed_at timestamptz,
    revoked_at timestamptz
);

create index invites_creator on invites (created_by, id);

create table torrents (
    id           integer generated always as identity primary key,
    info_hash_v1 bytea constraint torrents_info_hash_v1_unique unique check (length(info_hash_v1) = 20),
    info_hash_v2 bytea constraint torrents_info_hash_v2_unique unique check (length(info_hash_v2) = 32),
    -- What peers and counts go by: version 1 where there is one, else the truncated version 2.
    info_hash    bytea not null generated always as (coalesce(info_hash_v1, substring(info_hash_v2 from 1 for 20))) stored
                 constraint torrents_info_hash_unique unique,
    title        text not null constraint torrents_title_length check (length(title) between 1 and 300),
    description  text not null default '' check (length(description) <= 100000),
    extended     jsonb check (pg_column_size(extended) <= 262144),
    size         bigint not null check (size >= 0),
    file_count   integer not null check (file_count > 0),
    uploader_id  integer references users on delete set null,
    created_at   timestamptz not null default now(),
    -- Completed downloads as the tracker counted them; never lowered.
    snatched     integer not null default 0,
    -- Title words in weight A, the first file names' in weight D.
    search       tsvector not null,
    constraint torrents_some_hash check (info_hash_v1 is not null or info_hash_v2 is not null)
);

create unique index torrents_info_hash_v2_short on torrents (substring(info_hash_v2 from 1 for 20));
create index torrents_uploader on torrents (uploader_id, id);
create index torrents_by_title on torrents (lower(title), id);
create index torrents_by_size on torrents (size, id);
create index torrents_by_file_count on torrents (file_count, id);
create index torrents_by_snatched on torrents (snatched, id);
create index torrents_search on torrents using gin (search);
-- Cuts a search down to the newest torrents before any row is fetched.
create index torrents_by_age on torrents using brin (id) with (pages_per_range = 16);

-- The words of all titles, so that a search finds them where a letter is wrong, missing, too many or exchanged with
-- the next: two such words share a variant. A word stays when its last title goes.
create table title_words (
    word     text primary key,
    variants text[] not null
);

create index title_words_variants on title_words using gin (variants);

create function learn_words() returns trigger language plpgsql as $$
begin
    insert into title_words (word, variants)
    select distinct word, word_variants(word)
    from regexp_split_to_table(words(new.title), ' ') as word
    where length(word) between 4 and 24
    order by word
    on conflict do nothing;
    return null;
end $$;

create trigger learn_words after insert or update of title on torrents for each row execute function learn_words();

-- As whole_query, but each word may be only a beginning. Two kinds of words stay whole, as what begins with them would
-- take too long to gather: those of one or two bytes, and those that stand in thousands of torrents.
create function beginning_query(value text) returns tsquery
    language sql stable strict parallel safe
    as $$
    with common as (
        select element.word
        from pg_stats s
        cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as element (word, share)
        where s.schemaname = 'public' and s.tablename = 'torrents' and s.attname = 'search'
          and element.share * (select reltuples from pg_class where oid = 'public.torrents'::regclass) > 5000
    )
    select string_agg(
        quote_literal(word)
            || case when octet_length(word) < 3 or word in (select c.word from common c) then '' else ':*' end,
        ' & ')::tsquery
    from typed_words(value) as word
    $$;

-- As beginning_query, but instead of each word the nearest that titles have, where there are such.
create function near_query(value text) returns tsquery
    language sql stable strict parallel safe
    as $$
    select string_agg('(' || coalesce(near, quote_literal(typed.word) || ':*') || ')', ' & ')::tsquery
    from typed_words(value) as typed (word),
    lateral (
        select string_agg(quote_literal(nearest.word), ' | ') as near
        from (
            select known.word
            from title_words known
            where length(typed.word) between 4 and 25 and known.variants && word_variants(typed.word)
            order by similarity(known.word, typed.word) desc, known.word
            limit 4
        ) as nearest
    ) as found
    $$;

-- The bytes that a download is made from.
create table metainfo (
    torrent_id   integer primary key references torrents on delete cascade,
    info         bytea not null,
    piece_layers bytea
);

create table files (
    torrent_id integer not null references torrents on delete cascade,
    position   integer not null,
    path       text not null,
    size       bigint not null check (size >= 0),
    primary key (torrent_id, position)
);

-- Present counts, written in batches for sorting only. Truth is in the tracker's memory.
create unlogged table torrent_counts (
    torrent_id integer primary key,
    seeders    integer not null default 0,
    leechers   integer not null default 0
);

create index torrent_counts_by_seeders on torrent_counts (seeders, torrent_id);
create index torrent_counts_by_leechers on torrent_counts (leechers, torrent_id);

create function start_counts() returns trigger language plpgsql as $$
begin
    insert into torrent_counts (torrent_id) values (new.id) on conflict do nothing;
    return null;
end $$;

create function end_counts() returns trigger language plpgsql as $$
begin
    delete from torrent_counts where torrent_id = old.id;
    return null;
end $$;

create trigger start_counts after insert on torrents for each row execute function start_counts();
create trigger end_counts after delete on torrents for each row execute function end_counts();

-- What the tracker keeps in memory and must hear of: channel `directory`, payload `torrent:ID` or `user:ID`.
create function tell_tracker() returns trigger language plpgsql as $$
begin
    perform pg_notify('directory', tg_argv[0] || ':' || coalesce(new.id, old.id));
    return null;
end $$;

create trigger torrent_added_or_deleted after insert or delete on torrents
    for each row execute function tell_tracker('torrent');
create trigger user_added_or_deleted after insert or delete on users
    for each row execute function tell_tracker('user');
create trigger user_changed after update of key_version, disabled_at on users
    for each row execute function tell_tracker('user');
