//! Links that set a new password (table `password_resets`). A row has the nonce that goes into the link's tag, never
//! the link.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional};
use crate::id::{PasswordResetId, UserId};

/// A reset link.
#[derive(Debug, Clone)]
pub struct PasswordReset {
    /// The link's id; never used twice.
    pub id: PasswordResetId,
    /// The nonce that goes into the link's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// The member whose password it sets.
    pub user_id: UserId,
    /// The member's name.
    pub user_name: String,
    /// Who created it; `None` if that account was deleted.
    pub maker: Option<Maker>,
    /// Until when it can be used.
    pub expires_at: OffsetDateTime,
    /// Whether it has set a password.
    pub used: bool,
    /// Whether a newer link, or another change of the password, has replaced it.
    pub revoked: bool,
    /// Whether `expires_at` has passed, by the database's clock.
    pub expired: bool,
}

/// Who created a reset link.
#[derive(Debug, Clone, Copy)]
pub enum Maker {
    /// The operator, at the command line.
    Operator,
    /// The member with this id.
    Member(UserId),
}

/// A reset of a password of which its owner has not been told yet.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// When the link was used.
    pub used_at: OffsetDateTime,
    /// Whether the operator created the link at the command line.
    pub by_operator: bool,
    /// Name of the member who created the link.
    pub created_by: Option<String>,
}

impl PasswordReset {
    fn from_row(row: &Row) -> Self {
        let by_member = row.get::<_, Option<UserId>>("created_by").map(Maker::Member);
        Self {
            id: row.get("id"),
            nonce: row.get("nonce"),
            user_id: row.get("user_id"),
            user_name: row.get("user_name"),
            maker: if row.get("by_operator") { Some(Maker::Operator) } else { by_member },
            expires_at: row.get("expires_at"),
            used: row.get("used"),
            revoked: row.get("revoked"),
            expired: row.get("expired"),
        }
    }
}

const RESET: &str = "
    select r.id, r.nonce, r.user_id, u.name as user_name, r.by_operator, r.created_by, r.expires_at,
           r.used_at is not null as used, r.revoked_at is not null as revoked, r.expires_at <= now() as expired
    from password_resets r join users u on u.id = r.user_id";

/// The reset link with this id.
pub async fn find(client: &impl GenericClient, id: PasswordResetId) -> Result<Option<PasswordReset>, Error> {
    let sql = format!("{RESET} where r.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(PasswordReset::from_row))
}

/// Creates a link that can be used for `hours`. To be called in a transaction, after [`revoke_open`].
pub async fn insert(
    client: &impl GenericClient,
    user_id: UserId,
    maker: Maker,
    nonce: &[u8],
    hours: i32,
) -> Result<PasswordReset, Error> {
    let (by_operator, created_by) = match maker {
        Maker::Operator => (true, None),
        Maker::Member(id) => (false, Some(id)),
    };
    let sql = "
        insert into password_resets (user_id, by_operator, created_by, nonce, expires_at)
        values ($1, $2, $3, $4, now() + make_interval(hours => $5))
        returning id";
    let id: PasswordResetId =
        one(client, sql, &[&user_id, &by_operator, &created_by, &nonce, &hours]).await?.get("id");
    let sql = format!("{RESET} where r.id = $1");
    Ok(PasswordReset::from_row(&one(client, &sql, &[&id]).await?))
}

/// Uses a link up if it is open; says whether it was. To be called in a transaction: another use waits for its end.
pub async fn use_up(client: &impl GenericClient, id: PasswordResetId) -> Result<bool, Error> {
    let sql = "
        update password_resets set used_at = now()
        where id = $1 and used_at is null and revoked_at is null and expires_at > now()";
    Ok(execute(client, sql, &[&id]).await? == 1)
}

/// Revokes all unused links of a member.
pub async fn revoke_open(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    let sql = "
        update password_resets set revoked_at = now()
        where user_id = $1 and used_at is null and revoked_at is null";
    execute(client, sql, &[&user_id]).await.map(drop)
}

/// The latest reset that the member has not been told of yet.
pub async fn unseen(client: &impl GenericClient, user_id: UserId) -> Result<Option<Unseen>, Error> {
    let sql = "
        select r.used_at, r.by_operator, u.name as created_by
        from password_resets r left join users u on u.id = r.created_by
        where r.user_id = $1 and r.used_at is not null and r.seen_at is null
        order by r.used_at desc, r.id desc limit 1";
    Ok(optional(client, sql, &[&user_id]).await?.map(|row| Unseen {
        used_at: row.get("used_at"),
        by_operator: row.get("by_operator"),
        created_by: row.get("created_by"),
    }))
}

/// Stores that the member has been told of all resets until now.
pub async fn mark_seen(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    let sql = "
        update password_resets set seen_at = now()
        where user_id = $1 and used_at is not null and seen_at is null";
    execute(client, sql, &[&user_id]).await.map(drop)
}

/// Deletes unused links one month after their expiry.
pub async fn sweep(client: &impl GenericClient) -> Result<(), Error> {
    let sql = "
        delete from password_resets where used_at is null and expires_at < now() - interval '30 days'";
    execute(client, sql, &[]).await.map(drop)
}
