//! Adds the tracker's accounting reports to transfers and to members' sums (tables `transfers`, `user_totals`).

use std::collections::BTreeMap;

use bt::messages::counts::Position;
use bt::messages::report::{Report, is_new};
use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{execute, one, optional, rows};
use crate::id::{TorrentId, UserId};

/// Latest accepted time of an announce, in seconds since 1970: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// Applies a batch unless it was applied before; says whether it was new. To be called in a transaction.
///
/// Another batch of the same epoch waits for the end of this transaction. Reports of deleted members are ignored;
/// reports of deleted torrents only add to members' sums.
///
/// # Errors
/// Also if a member or torrent is deleted at the same time: the batch is then applied at the next attempt.
pub async fn apply(
    client: &impl GenericClient,
    position: Position,
    reports: &[Report],
) -> Result<bool, Error> {
    if !claim(client, position).await? {
        return Ok(false);
    }
    let columns = Columns::new(reports);
    if !columns.users.is_empty() {
        columns.lock_torrents(client).await?;
        columns.add_totals(client).await?;
        columns.count_snatches(client).await?;
        columns.add_transfers(client).await?;
    }
    Ok(true)
}

/// Stores `position` as the last one applied of its epoch; `false` if this or a later one was applied already.
async fn claim(client: &impl GenericClient, position: Position) -> Result<bool, Error> {
    let (epoch, seq) = (position.epoch.cast_signed(), position.seq.cast_signed());
    let sql = "insert into report_streams (epoch, seq) values ($1, $2) on conflict do nothing";
    if execute(client, sql, &[&epoch, &seq]).await? == 1 {
        return Ok(true);
    }
    let sql = "select seq from report_streams where epoch = $1 for update";
    let applied: i64 = one(client, sql, &[&epoch]).await?.get("seq");
    if !is_new(position, Some(applied.cast_unsigned())) {
        return Ok(false);
    }
    let sql = "update report_streams set seq = $2, updated_at = now() where epoch = $1";
    execute(client, sql, &[&epoch, &seq]).await?;
    Ok(true)
}

/// Sequence number of the last batch applied of an epoch.
pub async fn applied(client: &impl GenericClient, epoch: u64) -> Result<Option<u64>, Error> {
    let sql = "select seq from report_streams where epoch = $1";
    let row = optional(client, sql, &[&epoch.cast_signed()]).await?;
    Ok(row.map(|row| row.get::<_, i64>("seq").cast_unsigned()))
}

/// Deletes positions of old epochs (starts of the tracker). The latest epochs stay, however old they are, so that a
/// batch that is repeated after months is still recognised.
pub async fn sweep(client: &impl GenericClient) -> Result<u64, Error> {
    let sql = "
        delete from report_streams
        where updated_at < now() - interval '90 days'
          and epoch not in (select epoch from report_streams order by updated_at desc limit 100)";
    execute(client, sql, &[]).await
}

/// Reports as the columns of a table, with each pair of member and torrent once. They are sorted, so that two processes
/// that apply batches of two epochs lock rows in the same order and do not deadlock.
#[derive(Default)]
struct Columns {
    users: Vec<UserId>,
    torrents: Vec<TorrentId>,
    uploaded: Vec<i64>,
    downloaded: Vec<i64>,
    seeded: Vec<i64>,
    leeched: Vec<i64>,
    left: Vec<i64>,
    seen: Vec<i64>,
    snatched: Vec<bool>,
    stopped: Vec<bool>,
    clamped: Vec<bool>,
}

impl Columns {
    fn new(reports: &[Report]) -> Self {
        let mut merged: BTreeMap<(UserId, TorrentId), Report> = BTreeMap::new();
        for report in reports {
            // Larger ids cannot be in the tables.
            let ids = (UserId::from_unsigned(report.member), TorrentId::from_unsigned(report.torrent));
            let (Some(user), Some(torrent)) = ids else { continue };
            merged.entry((user, torrent)).and_modify(|it| it.add(report)).or_insert(*report);
        }
        let mut columns = Self::default();
        for ((user, torrent), report) in merged {
            columns.users.push(user);
            columns.torrents.push(torrent);
            columns.uploaded.push(saturated(report.uploaded));
            columns.downloaded.push(saturated(report.downloaded));
            columns.seeded.push(report.seeded.into());
            columns.leeched.push(report.leeched.into());
            columns.left.push(saturated(report.left));
            columns.seen.push(saturated(report.seen.min(LAST_SECOND)));
            columns.snatched.push(report.snatched);
            columns.stopped.push(report.stopped);
            columns.clamped.push(report.clamped);
        }
        columns
    }

    /// Locks torrents before their transfers, as a deletion of a torrent does, to avoid deadlocks. Torrents whose
    /// snatches may be counted are locked exclusively, so that no other batch counts them at the same time.
    async fn lock_torrents(&self, client: &impl GenericClient) -> Result<(), Error> {
        let Self { torrents, snatched, .. } = self;
        let some = torrents.iter().zip(snatched).filter(|(_, snatched)| **snatched);
        let some: Vec<TorrentId> = some.map(|(torrent, _)| *torrent).collect();
        if !some.is_empty() {
            let sql = "select id from torrents where id = any($1) order by id for no key update";
            rows(client, sql, &[&some]).await?;
        }
        let sql = "select id from torrents where id = any($1) order by id for key share";
        rows(client, sql, &[torrents]).await?;
        Ok(())
    }

    /// Adds to `torrents.snatched` the members who finish a torrent for the first time, and notifies the tracker of
    /// many torrents at once. To be called before [`Columns::add_transfers`], which stores that they have finished it.
    /// Nothing else changes `snatched`.
    async fn count_snatches(&self, client: &impl GenericClient) -> Result<(), Error> {
        let Self { users, torrents, snatched, .. } = self;
        if !snatched.contains(&true) {
            return Ok(());
        }
        let sql = "
            with fresh as (
                select v.torrent_id, count(*) as members
                from unnest($1::int[], $2::int[], $3::bool[]) as v (user_id, torrent_id, snatched)
                join users u on u.id = v.user_id
                where v.snatched and not exists (
                    select from transfers t
                    where t.user_id = v.user_id and t.torrent_id = v.torrent_id and t.snatched_at is not null)
                group by v.torrent_id
            )
            update torrents t set snatched = least(t.snatched + fresh.members, 2147483647)::int
            from fresh where t.id = fresh.torrent_id
            returning t.id";
        let raised: Vec<TorrentId> =
            rows(client, sql, &[users, torrents, snatched]).await?.iter().map(|row| row.get("id")).collect();
        // The payload of a notification is below 8000 bytes.
        for some in raised.chunks(500) {
            let sql = "select pg_notify('directory', 'torrents:' || array_to_string($1::int[], ','))";
            rows(client, sql, &[&some]).await?;
        }
        Ok(())
    }

    async fn add_totals(&self, client: &impl GenericClient) -> Result<(), Error> {
        let sql = "
            insert into user_totals as t (user_id, uploaded, downloaded, seeded_seconds, leeched_seconds)
            select v.user_id,
                   least(sum(v.uploaded), 9223372036854775807)::bigint,
                   least(sum(v.downloaded), 9223372036854775807)::bigint,
                   least(sum(v.seeded), 9223372036854775807)::bigint,
                   least(sum(v.leeched), 9223372036854775807)::bigint
            from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
                as v (user_id, uploaded, downloaded, seeded, leeched)
            join users u on u.id = v.user_id
            group by v.user_id
            order by v.user_id
            on conflict (user_id) do update set
                uploaded = add_up(t.uploaded, excluded.uploaded),
                downloaded = add_up(t.downloaded, excluded.downloaded),
                seeded_seconds = add_up(t.seeded_seconds, excluded.seeded_seconds),
                leeched_seconds = add_up(t.leeched_seconds, excluded.leeched_seconds)";
        let Self { users, uploaded, downloaded, seeded, leeched, .. } = self;
        execute(client, sql, &[users, uploaded, downloaded, seeded, leeched]).await.map(drop)
    }

    async fn add_transfers(&self, client: &impl GenericClient) -> Result<(), Error> {
        let sql = "
            insert into transfers as t (
                user_id, torrent_id, uploaded, downloaded, seeded_seconds, leeched_seconds, left_bytes, stopped,
                first_seen_at, last_seen_at, snatched_at, clamped_count, clamped_at)
            select v.user_id, v.torrent_id, v.uploaded, v.downloaded, v.seeded, v.leeched, v.left_bytes, v.stopped,
                   seen.at, seen.at, case when v.snatched then seen.at end,
                   v.clamped::int, case when v.clamped then seen.at end
            from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                        $8::bigint[], $9::bool[], $10::bool[], $11::bool[])
                with ordinality as v (user_id, torrent_id, uploaded, downloaded, seeded, leeched, left_bytes,
                                      seen, snatched, stopped, clamped, place)
            join users u on u.id = v.user_id
            join torrents on torrents.id = v.torrent_id
            cross join lateral (select least(to_timestamp(v.seen), now()) as at) as seen
            order by v.place
            on conflict (user_id, torrent_id) do update set
                uploaded = add_up(t.uploaded, excluded.uploaded),
                downloaded = add_up(t.downloaded, excluded.downloaded),
                seeded_seconds = add_up(t.seeded_seconds, excluded.seeded_seconds),
                leeched_seconds = add_up(t.leeched_seconds, excluded.leeched_seconds),
                left_bytes = excluded.left_bytes,
                stopped = excluded.stopped,
                -- Batches may arrive out of order, so the later time wins; times in the future are cut to now.
                last_seen_at = least(greatest(t.last_seen_at, excluded.last_seen_at), now()),
                snatched_at = coalesce(t.snatched_at, excluded.snatched_at),
                clamped_count = least(t.clamped_count::bigint + excluded.clamped_count, 2147483647)::int,
                clamped_at = coalesce(excluded.clamped_at, t.clamped_at)";
        let Self { users, torrents, uploaded, downloaded, seeded, leeched, left, seen, .. } = self;
        let Self { snatched, stopped, clamped, .. } = self;
        execute(
            client,
            sql,
            &[users, torrents, uploaded, downloaded, seeded, leeched, left, seen, snatched, stopped, clamped],
        )
        .await
        .map(drop)
    }
}

fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
