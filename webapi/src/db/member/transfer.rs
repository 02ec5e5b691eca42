//! What members uploaded and downloaded: their sums, and each transfer, which is one member's traffic of one torrent
//! (tables `user_totals` and `transfers`).

use std::time::Duration;

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{one, optional, rows};
use crate::id::{Named, TorrentId, UserId};

/// A member's sums over all torrents, deleted ones included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Bytes sent to other peers.
    pub uploaded: i64,
    /// Bytes received from other peers.
    pub downloaded: i64,
    /// Seconds as a seeder, added up over all torrents.
    pub seeded_seconds: i64,
    /// Seconds as a leecher, added up over all torrents.
    pub leeched_seconds: i64,
}

impl Totals {
    /// Reads the columns of `user_totals`; they are null for a member without reports.
    pub(in crate::db) fn from_row(row: &Row) -> Self {
        let number = |column| row.get::<_, Option<i64>>(column).unwrap_or_default();
        Self {
            uploaded: number("uploaded"),
            downloaded: number("downloaded"),
            seeded_seconds: number("seeded_seconds"),
            leeched_seconds: number("leeched_seconds"),
        }
    }
}

/// What one member uploaded and downloaded of one torrent.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The member.
    pub member: Named<UserId>,
    /// The torrent.
    pub torrent: Named<TorrentId>,
    /// Size of the torrent in bytes.
    pub size: i64,
    /// Bytes sent to other peers.
    pub uploaded: i64,
    /// Bytes received from other peers.
    pub downloaded: i64,
    /// Seconds as a seeder.
    pub seeded_seconds: i64,
    /// Seconds as a leecher.
    pub leeched_seconds: i64,
    /// Bytes that the client lacked at the last announce.
    pub left: i64,
    /// Time of the first announce.
    pub first_seen_at: OffsetDateTime,
    /// Time of the last announce.
    pub last_seen_at: OffsetDateTime,
    /// When the member finished a download for the first time.
    pub snatched_at: Option<OffsetDateTime>,
    /// Whether a client of the member is a peer now: its last announce was no `stopped`, and the peer timeout has not
    /// passed since.
    pub active: bool,
    /// Number of reports whose claims were cut, as they exceeded the tracker's limits on rates.
    pub clamped_count: i32,
    /// Time of the last of these reports.
    pub clamped_at: Option<OffsetDateTime>,
}

/// A transfer's position in a list: the time that the list is sorted by, and the id that orders equal times.
pub type Position<I> = (OffsetDateTime, I);

/// The SQL for the transfers that `wanted` selects, in `order`. $1 is the peer timeout in seconds, $2 the most rows.
/// The limit applies before names are looked up.
fn select(wanted: &str, order: &str) -> String {
    format!(
        "select t.user_id, u.name as user_name, t.torrent_id, o.title, o.size, t.uploaded, t.downloaded,
                t.seeded_seconds, t.leeched_seconds, t.left_bytes, t.first_seen_at, t.last_seen_at, t.snatched_at,
                t.clamped_count, t.clamped_at, {ACTIVE} as active
         from (select * from transfers t where {wanted} order by {order} limit $2) as t
         join users u on u.id = t.user_id
         join torrents o on o.id = t.torrent_id
         order by {order}"
    )
}

/// The SQL condition of an active transfer; $1 is the peer timeout in seconds.
const ACTIVE: &str = "not t.stopped and t.last_seen_at > now() - make_interval(secs => $1)";

impl Transfer {
    fn from_row(row: &Row) -> Self {
        Self {
            member: Named { id: row.get("user_id"), name: row.get("user_name") },
            torrent: Named { id: row.get("torrent_id"), name: row.get("title") },
            size: row.get("size"),
            uploaded: row.get("uploaded"),
            downloaded: row.get("downloaded"),
            seeded_seconds: row.get("seeded_seconds"),
            leeched_seconds: row.get("leeched_seconds"),
            left: row.get("left_bytes"),
            first_seen_at: row.get("first_seen_at"),
            last_seen_at: row.get("last_seen_at"),
            snatched_at: row.get("snatched_at"),
            active: row.get("active"),
            clamped_count: row.get("clamped_count"),
            clamped_at: row.get("clamped_at"),
        }
    }
}

/// A member's sums; all are 0 before the first report.
pub async fn totals(client: &impl GenericClient, member: UserId) -> Result<Totals, Error> {
    let sql =
        "select uploaded, downloaded, seeded_seconds, leeched_seconds from user_totals where user_id = $1";
    Ok(optional(client, sql, &[&member]).await?.as_ref().map(Totals::from_row).unwrap_or_default())
}

/// A member's transfers after the position `after`, the last begun first.
pub async fn of_member(
    client: &impl GenericClient,
    timeout: Duration,
    member: UserId,
    after: Option<Position<TorrentId>>,
    limit: i64,
) -> Result<Vec<Transfer>, Error> {
    let timeout = timeout.as_secs_f64();
    let order = "t.first_seen_at desc, t.torrent_id desc";
    let found = match after {
        None => rows(client, &select("t.user_id = $3", order), &[&timeout, &limit, &member]).await?,
        Some((at, torrent)) => {
            let sql = select("t.user_id = $3 and (t.first_seen_at, t.torrent_id) < ($4, $5)", order);
            rows(client, &sql, &[&timeout, &limit, &member, &at, &torrent]).await?
        }
    };
    Ok(found.iter().map(Transfer::from_row).collect())
}

/// A member's active transfers, those of leechers first.
pub async fn active(
    client: &impl GenericClient,
    timeout: Duration,
    member: UserId,
    limit: i64,
) -> Result<Vec<Transfer>, Error> {
    let wanted = format!("t.user_id = $3 and {ACTIVE}");
    let sql = select(&wanted, "t.left_bytes = 0, t.first_seen_at desc, t.torrent_id desc");
    let found = rows(client, &sql, &[&timeout.as_secs_f64(), &limit, &member]).await?;
    Ok(found.iter().map(Transfer::from_row).collect())
}

/// The numbers of a member's active transfers.
#[derive(Debug, Clone, Copy)]
pub struct Active {
    /// Torrents of which their client has everything.
    pub seeding: i64,
    /// All other torrents.
    pub leeching: i64,
}

/// Counts a member's active transfers.
pub async fn count_active(
    client: &impl GenericClient,
    timeout: Duration,
    member: UserId,
) -> Result<Active, Error> {
    let sql = format!(
        "select count(*) filter (where t.left_bytes = 0) as seeding,
                count(*) filter (where t.left_bytes > 0) as leeching
         from transfers t
         where t.user_id = $2 and {ACTIVE}"
    );
    let row = one(client, &sql, &[&timeout.as_secs_f64(), &member]).await?;
    Ok(Active { seeding: row.get("seeding"), leeching: row.get("leeching") })
}

/// The member's transfer of the torrent, if any.
pub async fn find(
    client: &impl GenericClient,
    timeout: Duration,
    member: UserId,
    torrent: TorrentId,
) -> Result<Option<Transfer>, Error> {
    let sql = select("t.user_id = $3 and t.torrent_id = $4", "t.torrent_id");
    let row = optional(client, &sql, &[&timeout.as_secs_f64(), &1_i64, &member, &torrent]).await?;
    Ok(row.as_ref().map(Transfer::from_row))
}

/// The transfers of members who have finished a torrent, the latest first, after the position `after`.
pub async fn snatches(
    client: &impl GenericClient,
    timeout: Duration,
    torrent: TorrentId,
    after: Option<Position<UserId>>,
    limit: i64,
) -> Result<Vec<Transfer>, Error> {
    let timeout = timeout.as_secs_f64();
    let wanted = "t.torrent_id = $3 and t.snatched_at is not null";
    let order = "t.snatched_at desc, t.user_id desc";
    let found = match after {
        None => rows(client, &select(wanted, order), &[&timeout, &limit, &torrent]).await?,
        Some((at, member)) => {
            let sql = select(&format!("{wanted} and (t.snatched_at, t.user_id) < ($4, $5)"), order);
            rows(client, &sql, &[&timeout, &limit, &torrent, &at, &member]).await?
        }
    };
    Ok(found.iter().map(Transfer::from_row).collect())
}

#[cfg(test)]
mod tests;
