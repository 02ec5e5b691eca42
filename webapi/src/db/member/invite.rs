//! Invites (table `invites`). A row has the nonce that goes into the link's tag, never the link.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional, rows};
use crate::id::{InviteId, UserId};

/// An invite.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The invite's id; never used twice.
    pub id: InviteId,
    /// The nonce that goes into the link's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// The member who created it; `None` for the invite to the first account.
    pub created_by: Option<UserId>,
    /// For whom it is, in its creator's words. Only its creator and staff may see it.
    pub note: Option<String>,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// Until when it can be claimed.
    pub expires_at: OffsetDateTime,
    /// When it was claimed, if it was.
    pub claimed_at: Option<OffsetDateTime>,
    /// Name of the account that was created with it.
    pub claimed_by: Option<String>,
    /// Whether its creator revoked it, or the first account was created in another way.
    pub revoked: bool,
    /// Whether `expires_at` has passed, by the database's clock.
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

/// What a claimed invite says of the new account.
#[derive(Debug)]
pub struct Claimed {
    /// The member who invites; `None` for the first account.
    pub created_by: Option<UserId>,
    /// Names of the new account's roles.
    pub roles: Vec<String>,
}

const INVITE: &str = "
    select i.id, i.nonce, i.created_by, i.note, i.created_at, i.expires_at, i.claimed_at, u.name as claimed_by_name,
           i.revoked_at is not null or (i.created_by is null and i.claimed_at is null and exists (select from users))
               as revoked,
           i.expires_at <= now() as expired
    from invites i left join users u on u.id = i.claimed_by";

/// The invite with this id.
pub async fn find(client: &impl GenericClient, id: InviteId) -> Result<Option<Invite>, Error> {
    let sql = format!("{INVITE} where i.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Invite::from_row))
}

/// The invites that a member created, newest first, with ids below `before`.
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

/// The number of invites that a member created.
pub async fn count(client: &impl GenericClient, created_by: UserId) -> Result<i64, Error> {
    let sql = "select count(*) as count from invites where created_by = $1";
    Ok(one(client, sql, &[&created_by]).await?.get("count"))
}

/// The number of a member's invites that can be claimed.
pub async fn count_open(client: &impl GenericClient, created_by: UserId) -> Result<i64, Error> {
    let sql = "
        select count(*) as count from invites
        where created_by = $1 and claimed_at is null and revoked_at is null and expires_at > now()";
    Ok(one(client, sql, &[&created_by]).await?.get("count"))
}

/// Deletes invites that were claimed, revoked or expired more than `days` days ago. Accounts keep who invited them.
pub async fn sweep(client: &impl GenericClient, days: i32) -> Result<u64, Error> {
    let sql = "
        delete from invites
        where least(claimed_at, revoked_at, expires_at) < now() - make_interval(days => $1)";
    execute(client, sql, &[&days]).await
}

/// The open invite to the first account, if there is one.
pub async fn find_first(client: &impl GenericClient) -> Result<Option<Invite>, Error> {
    let sql = format!(
        "{INVITE} where i.created_by is null and i.claimed_at is null and i.revoked_at is null
             and i.expires_at > now() order by i.id desc limit 1"
    );
    Ok(optional(client, &sql, &[]).await?.as_ref().map(Invite::from_row))
}

/// An invite to create.
#[derive(Debug)]
pub struct NewInvite<'a> {
    /// The member who created it; `None` for the invite to the first account.
    pub created_by: Option<UserId>,
    /// The nonce that goes into the link's tag, 16 bytes.
    pub nonce: &'a [u8],
    /// Names of the new member's roles.
    pub roles: &'a [String],
    /// For whom it is: 1 to 100 characters.
    pub note: Option<&'a str>,
    /// Days for which it can be claimed.
    pub days: i32,
}

/// Creates an invite.
pub async fn insert(client: &impl GenericClient, invite: &NewInvite<'_>) -> Result<Invite, Error> {
    let sql = "
        insert into invites (created_by, nonce, roles, note, expires_at)
        values ($1, $2, $3, $4, now() + make_interval(days => $5))
        returning id, nonce, created_by, note, created_at, expires_at, claimed_at, null::text as claimed_by_name,
                  false as revoked, false as expired";
    let NewInvite { created_by, nonce, roles, note, days } = invite;
    Ok(Invite::from_row(&one(client, sql, &[created_by, nonce, roles, note, days]).await?))
}

/// Claims an invite; `None` if it is not open. To be called in a transaction: another claim waits for its end.
pub async fn claim(client: &impl GenericClient, id: InviteId) -> Result<Option<Claimed>, Error> {
    let sql = "
        update invites set claimed_at = now()
        where id = $1 and claimed_at is null and revoked_at is null and expires_at > now()
          and (created_by is not null or not exists (select from users))
        returning created_by, roles";
    let row = optional(client, sql, &[&id]).await?;
    Ok(row.map(|it| Claimed { created_by: it.get("created_by"), roles: it.get("roles") }))
}

/// Stores which account was created with a claimed invite.
pub async fn set_claimed_by(client: &impl GenericClient, id: InviteId, user_id: UserId) -> Result<(), Error> {
    execute(client, "update invites set claimed_by = $2 where id = $1", &[&id, &user_id]).await.map(drop)
}

/// Revokes an unclaimed invite; says whether it did.
pub async fn revoke(client: &impl GenericClient, id: InviteId) -> Result<bool, Error> {
    let sql =
        "update invites set revoked_at = coalesce(revoked_at, now()) where id = $1 and claimed_at is null";
    Ok(execute(client, sql, &[&id]).await? == 1)
}

/// Revokes all unclaimed invites of a member.
pub async fn revoke_all(client: &impl GenericClient, created_by: UserId) -> Result<(), Error> {
    let sql = "
        update invites set revoked_at = now()
        where created_by = $1 and claimed_at is null and revoked_at is null";
    execute(client, sql, &[&created_by]).await.map(drop)
}

#[cfg(test)]
mod tests;
