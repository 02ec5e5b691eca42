//! The rows that the tracker reads: a few columns of `torrents` and `users`.

use std::fmt;

use bt::InfoHash;
use bt::announce_key::{Binding, Nonce};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::Member;

/// Rows of one page of a reconciliation.
const PAGE: usize = 10_000;

const TORRENT: &str = "select id, info_hash_v1, substring(info_hash_v2 from 1 for 20) as info_hash_v2, snatched \
     from torrents";

const MEMBER: &str =
    "select id, key_version, key_nonce, former_key_nonce, disabled_at is null as enabled from users";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TorrentRow {
    pub(super) id: u32,
    pub(super) v1: Option<InfoHash>,
    /// The version 2 hash, truncated to 20 bytes.
    pub(super) v2: Option<InfoHash>,
    pub(super) snatched: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MemberRow {
    pub(super) id: u32,
    pub(super) member: Member,
}

impl TorrentRow {
    /// The hash that names the torrent's swarm. A constraint gives every row one.
    pub(super) fn canonical(&self) -> Option<InfoHash> {
        self.v1.or(self.v2)
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = InfoHash> {
        self.v1.into_iter().chain(self.v2)
    }
}

/// The statements, prepared on one connection.
pub(super) struct Queries {
    client: Client,
    torrents_by_hash: Statement,
    torrents_by_id: Statement,
    torrents_after: Statement,
    members_by_id: Statement,
    members_after: Statement,
}

impl fmt::Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries").finish_non_exhaustive()
    }
}

impl Queries {
    pub(super) async fn prepare(client: Client) -> Result<Self, Error> {
        let page = format!("where id > $1 order by id limit {PAGE}");
        let by_hash = "where info_hash_v1 = any($1) or substring(info_hash_v2 from 1 for 20) = any($1)";
        let by_id = "where id = any($1)";
        Ok(Self {
            torrents_by_hash: client.prepare(&format!("{TORRENT} {by_hash}")).await?,
            torrents_by_id: client.prepare(&format!("{TORRENT} {by_id}")).await?,
            torrents_after: client.prepare(&format!("{TORRENT} {page}")).await?,
            members_by_id: client.prepare(&format!("{MEMBER} {by_id}")).await?,
            members_after: client.prepare(&format!("{MEMBER} {page}")).await?,
            client,
        })
    }

    /// Torrents with any of `hashes` as either hash.
    pub(super) async fn torrents_by_hash(&self, hashes: &[InfoHash]) -> Result<Vec<TorrentRow>, Error> {
        let hashes: Vec<&[u8]> = hashes.iter().map(|hash| &hash.as_bytes()[..]).collect();
        self.read(&self.torrents_by_hash, &hashes, torrent).await
    }

    pub(super) async fn torrents_by_id(&self, ids: &[u32]) -> Result<Vec<TorrentRow>, Error> {
        self.read(&self.torrents_by_id, &signed(ids), torrent).await
    }

    /// The next page by id, ascending, and whether it is the last.
    pub(super) async fn torrents_after(&self, id: u32) -> Result<(Vec<TorrentRow>, bool), Error> {
        let rows = self.read(&self.torrents_after, &id.cast_signed(), torrent).await?;
        let last = rows.len() < PAGE;
        Ok((rows, last))
    }

    pub(super) async fn members_by_id(&self, ids: &[u32]) -> Result<Vec<MemberRow>, Error> {
        self.read(&self.members_by_id, &signed(ids), member).await
    }

    /// The next page by id, ascending, and whether it is the last.
    pub(super) async fn members_after(&self, id: u32) -> Result<(Vec<MemberRow>, bool), Error> {
        let rows = self.read(&self.members_after, &id.cast_signed(), member).await?;
        let last = rows.len() < PAGE;
        Ok((rows, last))
    }

    async fn read<T>(
        &self,
        statement: &Statement,
        argument: &(dyn ToSql + Sync),
        read: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.client.query(statement, &[argument]).await?.iter().map(read).collect()
    }
}

fn torrent(row: &Row) -> Result<TorrentRow, Error> {
    Ok(TorrentRow {
        id: id(row)?,
        v1: hash(row.try_get("info_hash_v1")?),
        v2: hash(row.try_get("info_hash_v2")?),
        snatched: row.try_get::<_, i32>("snatched")?.cast_unsigned(),
    })
}

fn member(row: &Row) -> Result<MemberRow, Error> {
    // A constraint allows 0 or 16 bytes.
    let nonce = |bytes: &[u8]| Nonce::try_from(bytes).unwrap_or_default();
    let version = row.try_get::<_, i32>("key_version")?.cast_unsigned();
    let key = Binding { version, nonce: nonce(row.try_get("key_nonce")?) };
    let former = nonce(row.try_get("former_key_nonce")?);
    Ok(MemberRow { id: id(row)?, member: Member { key, former, enabled: row.try_get("enabled")? } })
}

fn id(row: &Row) -> Result<u32, Error> {
    Ok(row.try_get::<_, i32>("id")?.cast_unsigned())
}

/// A constraint allows 20 bytes.
fn hash(bytes: Option<&[u8]>) -> Option<InfoHash> {
    bytes.and_then(|bytes| InfoHash::try_from(bytes).ok())
}

/// Ids as Postgres stores them. A forged id above 2^31 becomes negative, which no row has.
fn signed(ids: &[u32]) -> Vec<i32> {
    ids.iter().map(|id| id.cast_signed()).collect()
}
