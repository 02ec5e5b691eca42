//! Invites: a nonce that the link is bound to, never the link.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional, rows};
use crate::id::{InviteId, UserId};

/// An invite's row.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Never used twice.
    pub id: InviteId,
    /// What the link is bound to, 16 bytes.
    pub nonce: Vec<u8>,
    /// None for the first account's.
    pub created_by: Option<UserId>,
    /// For whom it is, in the words of its maker; for the maker and staff alone.
    pub note: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From then on it cannot be claimed.
    pub expires_at: OffsetDateTime,
    /// When it was claimed.
    pub claimed_at: Option<OffsetDateTime>,
    /// Name of the account that it made.
    pub claimed_by: Option<String>,
    /// When its maker took it back, or when the first account was made in another way.
    pub revoked: bool,
    /// Whether `expires_at` is over, by the database's clock.
    pub expired: bool,
}

impl Invite {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            nonce: row.get("nonce"),
            created_by: row.get("created_by"),
            note: row.get("note"),
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            claimed_at: row.get("claimed_at"),
            claimed_by: row.get("claimed_by_name"),
            revoked: row.get("revoked"),
            expired: row.get("expired"),
        }
    }
}

/// What a claimed invite gives to the new account.
#[derive(Debug)]
pub struct Claimed {
    /// Who invited.
    pub created_by: Option<UserId>,
    /// The roles to begin with.
    pub roles: Vec<String>,
}

const INVITE: &str = "
    select i.id, i.nonce, i.created_by, i.note, i.created_at, i.expires_at, i.claimed_at, u.name as claimed_by_name,
           i.revoked_at is not null or (i.created_by is null and i.claimed_at is null and exists (select from users))
               as revoked,
           i.expires_at <= now() as expired
    from invites i left join users u on u.id = i.claimed_by";

/// By the id that a link claims.
pub async fn find(client: &impl GenericClient, id: InviteId) -> Result<Option<Invite>, Error> {
    let sql = format!("{INVITE} where i.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Invite::from_row))
}

/// A member's own, newest first, below the id `before`.
pub async fn list(
    client: &impl GenericClient,
    created_by: UserId,
    before: Option<InviteId>,
    limit: i64,
) -> Result<Vec<Invite>, Error> {
    let sql = format!(
        "{INVITE} where i.created_by = $1 and ($2::integer is null or i.id < $2) order by i.id desc limit $3"
    );
    let found = rows(client, &sql, &[&created_by, &before, &limit]).await?;
    Ok(found.iter().map(Invite::from_row).collect())
}

/// How many a member has made.
pub async fn count(client: &impl GenericClient, created_by: UserId) -> Result<i64, Error> {
    let sql = "select count(*) as count from invites where created_by = $1";
    Ok(one(client, sql, &[&created_by]).await?.get("count"))
}

/// How many of a member's can be claimed.
pub async fn count_open(client: &impl GenericClient, created_by: UserId) -> Result<i64, Error> {
    let sql = "
        select count(*) as count from invites
        where created_by = $1 and claimed_at is null and revoked_at is null and expires_at > now()";
    Ok(one(client, sql, &[&created_by]).await?.get("count"))
}

/// Deletes invites whose end, of whatever kind, is so many days ago. Who invited whom stays with the members.
pub async fn sweep(client: &impl GenericClient, days: i32) -> Result<u64, Error> {
    let sql = "
        delete from invites
        where least(claimed_at, revoked_at, expires_at) < now() - make_interval(days => $1)";
    execute(client, sql, &[&days]).await
}

/// An open invite to the first account, if one was made.
pub async fn find_first(client: &impl GenericClient) -> Result<Option<Invite>, Error> {
    let sql = format!(
        "{INVITE} where i.created_by is null and i.claimed_at is null and i.revoked_at is null
             and i.expires_at > now() order by i.id desc limit 1"
    );
    Ok(optional(client, &sql, &[]).await?.as_ref().map(Invite::from_row))
}

/// An invite that is wanted.
#[derive(Debug)]
pub struct NewInvite<'a> {
    /// None for the first account's.
    pub created_by: Option<UserId>,
    /// What the link is bound to, 16 bytes.
    pub nonce: &'a [u8],
    /// What the new member may do from the start.
    pub roles: &'a [String],
    /// For whom it is: 1 to 100 characters.
    pub note: Option<&'a str>,
    /// Days for which it can be claimed.
    pub days: i32,
}

/// Makes one.
pub async fn insert(client: &impl GenericClient, invite: &NewInvite<'_>) -> Result<Invite, Error> {
    let sql = "
        insert into invites (created_by, nonce, roles, note, expires_at)
        values ($1, $2, $3, $4, now() + make_interval(days => $5))
        returning id, nonce, created_by, note, created_at, expires_at, claimed_at, null::text as claimed_by_name,
                  false as revoked, false as expired";
    let NewInvite { created_by, nonce, roles, note, days } = invite;
    Ok(Invite::from_row(&one(client, sql, &[created_by, nonce, roles, note, days]).await?))
}

/// Claims it, unless it is no longer open. In a transaction, so that whoever else claims it waits for the end.
pub async fn claim(client: &impl GenericClient, id: InviteId) -> Result<Option<Claimed>, Error> {
    let sql = "
        update invites set claimed_at = now()
        where id = $1 and claimed_at is null and revoked_at is null and expires_at > now()
          and (created_by is not null or not exists (select from users))
        returning created_by, roles";
    let row = optional(client, sql, &[&id]).await?;
    Ok(row.map(|it| Claimed { created_by: it.get("created_by"), roles: it.get("roles") }))
}

/// Writes down which account a claimed invite made.
pub async fn set_claimed_by(client: &impl GenericClient, id: InviteId, user_id: UserId) -> Result<(), Error> {
    execute(client, "update invites set claimed_by = $2 where id = $1", &[&id, &user_id]).await.map(drop)
}

/// Takes back an invite that nobody has claimed; answers whether there was one.
pub async fn revoke(client: &impl GenericClient, id: InviteId) -> Result<bool, Error> {
    let sql =
        "update invites set revoked_at = coalesce(revoked_at, now()) where id = $1 and claimed_at is null";
    Ok(execute(client, sql, &[&id]).await? == 1)
}

/// Takes back all that a member has made and nobody has claimed.
pub async fn revoke_all(client: &impl GenericClient, created_by: UserId) -> Result<(), Error> {
    let sql = "
        update invites set revoked_at = now()
        where created_by = $1 and claimed_at is null and revoked_at is null";
    execute(client, sql, &[&created_by]).await.map(drop)
}

#[cfg(test)]
mod tests;
