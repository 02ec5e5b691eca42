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

#[cfg(test)]
mod tests {
    use super::*;
    use infra::testing::TestDatabase;

    /// The owner's connection, and the statements on one of the role `tracker`, which may read a few columns only.
    async fn queries() -> (Client, Queries) {
        let database = TestDatabase::create().await.unwrap();
        let tracker = infra::db::connect(database.login("tracker"), "test").await.unwrap();
        (database.client().await.unwrap(), Queries::prepare(tracker).await.unwrap())
    }

    fn hash(number: u8) -> InfoHash {
        [number; 20].into()
    }

    fn row(id: u32, v1: Option<u8>, v2: Option<u8>) -> TorrentRow {
        TorrentRow { id, v1: v1.map(hash), v2: v2.map(hash), snatched: 10 + id }
    }

    /// Adds the torrent `row(1, Some(1), None)`, a hybrid as `row(2, Some(2), Some(3))` and `row(3, None, Some(4))`.
    async fn add_torrents(owner: &Client) {
        let sql = "
            insert into torrents (info_hash_v1, info_hash_v2, title, size, file_count, search, snatched)
            select decode(repeat(v1, 20), 'hex'), decode(repeat(v2, 32), 'hex'), 'A torrent', 1, 1, '', snatched
            from (values ('01', null, 11), ('02', '03', 12), (null, '04', 13)) as v (v1, v2, snatched)";
        owner.batch_execute(sql).await.unwrap();
    }

    /// Adds a member with two nonces and a disabled one without any.
    async fn add_members(owner: &Client) {
        let sql = "
            insert into users (name, password_hash, key_version, key_nonce, former_key_nonce, disabled_at) values
                ('wren', '', 3, decode(repeat('07', 16), 'hex'), decode(repeat('08', 16), 'hex'), null),
                ('robin', '', 0, '', '', now())";
        owner.batch_execute(sql).await.unwrap();
    }

    fn wren() -> MemberRow {
        let key = Binding { version: 3, nonce: [7; 16].into() };
        MemberRow { id: 1, member: Member { key, former: [8; 16].into(), enabled: true } }
    }

    fn robin() -> MemberRow {
        let key = Binding { version: 0, nonce: Nonce::EMPTY };
        MemberRow { id: 2, member: Member { key, former: Nonce::EMPTY, enabled: false } }
    }

    fn by_id(mut rows: Vec<TorrentRow>) -> Vec<TorrentRow> {
        rows.sort_by_key(|row| row.id);
        rows
    }

    #[tokio::test]
    async fn torrents_are_found_by_either_hash() {
        let (owner, queries) = queries().await;
        add_torrents(&owner).await;
        let all = [row(1, Some(1), None), row(2, Some(2), Some(3)), row(3, None, Some(4))];
        let hashes = [1, 2, 3, 4, 5].map(hash);
        assert_eq!(by_id(queries.torrents_by_hash(&hashes).await.unwrap()), all);
        assert_eq!(queries.torrents_by_hash(&[hash(3)]).await.unwrap(), all[1..2]);
        assert_eq!(queries.torrents_by_hash(&[hash(5)]).await.unwrap(), []);
        assert_eq!(queries.torrents_by_hash(&[]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn torrents_by_id_leave_out_forged_ids() {
        let (owner, queries) = queries().await;
        add_torrents(&owner).await;
        let found = queries.torrents_by_id(&[3, 1, 4, 0, u32::MAX]).await.unwrap();
        assert_eq!(by_id(found), [row(1, Some(1), None), row(3, None, Some(4))]);
        assert_eq!(queries.torrents_by_id(&[]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn torrents_after_an_id_ascend_and_the_page_that_is_not_full_is_the_last() {
        let (owner, queries) = queries().await;
        add_torrents(&owner).await;
        let all = [row(1, Some(1), None), row(2, Some(2), Some(3)), row(3, None, Some(4))];
        assert_eq!(queries.torrents_after(0).await.unwrap(), (all.to_vec(), true));
        assert_eq!(queries.torrents_after(2).await.unwrap(), (all[2..].to_vec(), true));
        assert_eq!(queries.torrents_after(3).await.unwrap(), (Vec::new(), true));
        // What the triggers do would take most of the time.
        let more = format!(
            "alter table torrents disable trigger user;
             insert into torrents (info_hash_v1, title, size, file_count, search)
             select decode(lpad(to_hex(n), 40, '0'), 'hex'), 'A torrent', 1, 1, '' from generate_series(4, {PAGE}) n"
        );
        owner.batch_execute(&more).await.unwrap();
        let (page, last) = queries.torrents_after(0).await.unwrap();
        assert_eq!((page.len(), page[PAGE - 1].id, last), (PAGE, 10_000, false));
        assert!(page.is_sorted_by_key(|row| row.id));
        assert_eq!(queries.torrents_after(10_000).await.unwrap(), (Vec::new(), true));
        let (rest, last) = queries.torrents_after(1).await.unwrap();
        assert_eq!((rest.len(), last), (PAGE - 1, true));
    }

    #[tokio::test]
    async fn members_by_id_leave_out_forged_ids() {
        let (owner, queries) = queries().await;
        add_members(&owner).await;
        let mut found = queries.members_by_id(&[2, 1, 3, 0, u32::MAX]).await.unwrap();
        found.sort_by_key(|row| row.id);
        assert_eq!(found, [wren(), robin()]);
        assert_eq!(queries.members_by_id(&[2]).await.unwrap(), [robin()]);
        assert_eq!(queries.members_by_id(&[]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn members_after_an_id_ascend_and_the_page_that_is_not_full_is_the_last() {
        let (owner, queries) = queries().await;
        add_members(&owner).await;
        assert_eq!(queries.members_after(0).await.unwrap(), (vec![wren(), robin()], true));
        assert_eq!(queries.members_after(1).await.unwrap(), (vec![robin()], true));
        assert_eq!(queries.members_after(2).await.unwrap(), (Vec::new(), true));
        let more = format!(
            "alter table users disable trigger user;
             insert into users (name, password_hash) select 'member' || n, '' from generate_series(3, {PAGE}) n"
        );
        owner.batch_execute(&more).await.unwrap();
        let (page, last) = queries.members_after(0).await.unwrap();
        assert_eq!((page.len(), page[PAGE - 1].id, last), (PAGE, 10_000, false));
        assert!(page.is_sorted_by_key(|row| row.id));
        assert_eq!(queries.members_after(10_000).await.unwrap(), (Vec::new(), true));
    }

    #[tokio::test]
    async fn the_tracker_may_read_no_other_column() {
        let (_, queries) = queries().await;
        for sql in ["select password_hash from users", "select title from torrents", "select from sessions"] {
            let error = queries.client.batch_execute(sql).await.unwrap_err();
            assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE), "{sql}");
        }
    }
}
