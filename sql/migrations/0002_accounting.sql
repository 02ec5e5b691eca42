-- What members have moved, as the tracker reports it, and how many peers torrents had.

-- Sums stay at the greatest number there is instead of failing a whole batch.
create function add_up(total bigint, more bigint) returns bigint
    language sql immutable strict parallel safe
    as $$ select case when total > 9223372036854775807 - more then 9223372036854775807 else total + more end $$;

-- The last batch of reports that was applied of each start of the tracker. Both numbers are unsigned to the programs:
-- the same 64 bits.
create table report_streams (
    epoch      bigint primary key,
    seq        bigint not null,
    updated_at timestamptz not null default now()
);

-- What a member moved of a torrent, with all clients together. Room is left in the pages and no index holds what most
-- reports change, so that a new version of a row stays beside the old one.
create table transfers (
    user_id         integer not null references users on delete cascade,
    torrent_id      integer not null references torrents on delete cascade,
    uploaded        bigint not null default 0 check (uploaded >= 0),
    downloaded      bigint not null default 0 check (downloaded >= 0),
    seeded_seconds  bigint not null default 0 check (seeded_seconds >= 0),
    leeched_seconds bigint not null default 0 check (leeched_seconds >= 0),
    -- Lacking at the last announce.
    left_bytes      bigint not null default 0 check (left_bytes >= 0),
    -- Whether the last announce said that the client stops.
    stopped         boolean not null default false,
    first_seen_at   timestamptz not null default now(),
    last_seen_at    timestamptz not null default now(),
    -- When the first download was finished.
    snatched_at     timestamptz,
    -- Reports that claimed more than can have been moved, and the last of them. The sums hold only what was possible.
    clamped_count   integer not null default 0,
    clamped_at      timestamptz,
    primary key (user_id, torrent_id)
) with (fillfactor = 80);

create index transfers_of_user on transfers (user_id, first_seen_at, torrent_id);
create index transfers_of_torrent on transfers (torrent_id, snatched_at, user_id);

-- A member's sums over all torrents, those included that were deleted since.
create table user_totals (
    user_id         integer primary key references users on delete cascade,
    uploaded        bigint not null default 0 check (uploaded >= 0),
    downloaded      bigint not null default 0 check (downloaded >= 0),
    seeded_seconds  bigint not null default 0 check (seeded_seconds >= 0),
    leeched_seconds bigint not null default 0 check (leeched_seconds >= 0)
) with (fillfactor = 80);

-- The hours of which numbers of peers were written down: bit 0 is the hour from midnight UTC on. What the numbers were
-- in any other hour is not known.
create table history_days (
    day   date primary key,
    hours integer not null
);

-- How many peers a torrent had on a day. `points` are 9 bytes each: hour, seeders and leechers as unsigned numbers,
-- big-endian, in order, only where they differ from the hour before; a day begins with none of both. A torrent without
-- peers takes no place, one whose peers stay takes one point a day.
create table torrent_history (
    torrent_id integer not null references torrents on delete cascade,
    day        date not null,
    points     bytea not null,
    primary key (torrent_id, day)
) with (fillfactor = 80);

create index torrent_history_by_day on torrent_history (day);
