//! Accounts of members (tables `users` and `user_roles`).

use bt::announce_key::{Binding, Nonce};
use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::member::transfer::Totals;
use crate::db::{execute, one, optional, rows};
use crate::id::{Named, TorrentId, UserId};

/// An account with its roles and permissions.
#[derive(Debug, Clone)]
pub struct Account {
    /// The member's id; never used twice.
    pub id: UserId,
    /// The name as its owner typed it; unique without regard to case.
    pub name: String,
    /// Names of its roles, sorted.
    pub roles: Vec<String>,
    /// Words of the permissions of its roles, as in the table `role_permissions`.
    pub permissions: Vec<String>,
    /// Version and nonce that go into the tags of valid announce keys.
    pub key: Binding,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it was disabled; `None` for an enabled account.
    pub disabled_at: Option<OffsetDateTime>,
}

/// The columns of [`Account`], from `users u`.
pub(in crate::db) const COLUMNS: &str = "
    u.id, u.name, u.key_version, u.key_nonce, u.created_at, u.disabled_at,
    array(select r.role from user_roles r where r.user_id = u.id order by r.role) as roles,
    array(select distinct p.permission from user_roles r join role_permissions p on p.role = r.role
          where r.user_id = u.id) as permissions";

impl Account {
    /// Reads a row that has `COLUMNS`.
    pub fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            roles: row.get("roles"),
            permissions: row.get("permissions"),
            key: key(row),
            created_at: row.get("created_at"),
            disabled_at: row.get("disabled_at"),
        }
    }
}

fn key(row: &Row) -> Binding {
    // A constraint of the table ensures 0 or 16 bytes.
    let nonce = Nonce::try_from(row.get::<_, &[u8]>("key_nonce")).unwrap_or_default();
    Binding { version: row.get::<_, i32>("key_version").cast_unsigned(), nonce }
}

/// An account as lists and its own page show it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The account.
    pub account: Account,
    /// How many of the existing torrents it uploaded.
    pub torrents: i64,
    /// Who invited it.
    pub inviter: Option<Named<UserId>>,
    /// What it uploaded and downloaded.
    pub totals: Totals,
}

impl Profile {
    fn from_row(row: &Row) -> Self {
        let inviter = row.get::<_, Option<UserId>>("inviter_id").zip(row.get("inviter_name"));
        Self {
            account: Account::from_row(row),
            torrents: row.get("torrents"),
            inviter: inviter.map(|(id, name)| Named { id, name }),
            totals: Totals::from_row(row),
        }
    }
}

/// The columns of an account that a sign-in checks.
#[derive(Debug)]
pub struct Credentials {
    /// The member's id.
    pub id: UserId,
    /// The name as its owner typed it.
    pub name: String,
    /// Hash of the password, a PHC string.
    pub password_hash: String,
    /// Whether the account is disabled.
    pub disabled: bool,
}

/// An account to create.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The name, which `domain::member::account` has checked.
    pub name: &'a str,
    /// Hash of the password, a PHC string.
    pub password_hash: &'a str,
    /// Who invited it.
    pub invited_by: Option<UserId>,
    /// Names of its roles.
    pub roles: &'a [String],
}

/// The columns of [`Profile`] beside [`COLUMNS`], with their `from` clause.
const PROFILE: &str = "
    (select count(*) from torrents t where t.uploader_id = u.id) as torrents,
    i.id as inviter_id, i.name as inviter_name,
    m.uploaded, m.downloaded, m.seeded_seconds, m.leeched_seconds
    from users u left join users i on i.id = u.invited_by left join user_totals m on m.user_id = u.id";

/// The account with this id, unless it is disabled.
pub async fn find_enabled(client: &impl GenericClient, id: UserId) -> Result<Option<Account>, Error> {
    let sql = format!("select {COLUMNS} from users u where u.id = $1 and u.disabled_at is null");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Account::from_row))
}

/// The profile of the account with this id.
pub async fn profile(client: &impl GenericClient, id: UserId) -> Result<Option<Profile>, Error> {
    let sql = format!("select {COLUMNS}, {PROFILE} where u.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Profile::from_row))
}

/// Accounts whose names begin with `prefix` (in any case), sorted by name, after the name `after`.
pub async fn list(
    client: &impl GenericClient,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Profile>, Error> {
    let sql = format!(
        "select {COLUMNS}, {PROFILE}
        where starts_with(lower(u.name), lower($1::text)) and ($2::text is null or lower(u.name) > lower($2))
        order by lower(u.name) limit $3"
    );
    let found = rows(client, &sql, &[&prefix, &after, &limit]).await?;
    Ok(found.iter().map(Profile::from_row).collect())
}

/// The number of accounts whose names begin with `prefix`.
pub async fn count(client: &impl GenericClient, prefix: &str) -> Result<i64, Error> {
    let sql = "select count(*) as count from users where starts_with(lower(name), lower($1::text))";
    Ok(one(client, sql, &[&prefix]).await?.get("count"))
}

/// Whether there is any account.
pub async fn any(client: &impl GenericClient) -> Result<bool, Error> {
    Ok(one(client, "select exists (select from users) as any", &[]).await?.get("any"))
}

/// The credentials of the account with this name, without regard to case.
pub async fn credentials(client: &impl GenericClient, name: &str) -> Result<Option<Credentials>, Error> {
    let sql = "
        select id, name, password_hash, disabled_at is not null as disabled
        from users where lower(name) = lower($1::text)";
    Ok(optional(client, sql, &[&name]).await?.map(|row| Credentials {
        id: row.get("id"),
        name: row.get("name"),
        password_hash: row.get("password_hash"),
        disabled: row.get("disabled"),
    }))
}

/// The hash of an account's password, a PHC string.
pub async fn password_hash(client: &impl GenericClient, id: UserId) -> Result<Option<String>, Error> {
    let row = optional(client, "select password_hash from users where id = $1", &[&id]).await?;
    Ok(row.map(|it| it.get("password_hash")))
}

/// Creates an account with its roles; violates `users_name_unique` if the name is taken. To be called in a transaction.
pub async fn insert(client: &impl GenericClient, member: &NewUser<'_>) -> Result<UserId, Error> {
    let sql = "insert into users (name, password_hash, invited_by) values ($1, $2, $3) returning id";
    let id = one(client, sql, &[&member.name, &member.password_hash, &member.invited_by]).await?.get("id");
    crate::db::staff::role::grant(client, id, member.roles).await?;
    Ok(id)
}

/// Replaces the password's hash, unless it was replaced meanwhile.
pub async fn set_password(
    client: &impl GenericClient,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, Error> {
    let sql = "update users set password_hash = $3 where id = $1 and password_hash = $2";
    Ok(execute(client, sql, &[&id, &old, &new]).await? == 1)
}

/// Sets the password's hash without comparing the old one. The row stays locked until the transaction's end.
pub async fn replace_password(client: &impl GenericClient, id: UserId, new: &str) -> Result<(), Error> {
    execute(client, "update users set password_hash = $2 where id = $1", &[&id, &new]).await.map(drop)
}

/// Locks the account until the transaction's end: changes of it and new keys or invites wait for each other.
pub async fn lock(client: &impl GenericClient, id: UserId) -> Result<(), Error> {
    execute(client, "select from users where id = $1 for update", &[&id]).await.map(drop)
}

/// Makes all announce keys of the account invalid, and returns the version and nonce of new ones.
pub async fn reset_key(client: &impl GenericClient, id: UserId) -> Result<Binding, Error> {
    let sql = "
        update users set key_version = key_version + 1, former_key_nonce = key_nonce, key_nonce = default
        where id = $1
        returning key_version, key_nonce";
    Ok(key(&one(client, sql, &[&id]).await?))
}

/// Disables or enables an account; changes nothing if it is in that state already.
pub async fn set_disabled(client: &impl GenericClient, id: UserId, disabled: bool) -> Result<(), Error> {
    let sql = "
        update users set disabled_at = case when $2 then now() end
        where id = $1 and (disabled_at is not null) <> $2";
    execute(client, sql, &[&id, &disabled]).await.map(drop)
}

/// A torrent in the list of a member's uploads.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The torrent's id.
    pub id: TorrentId,
    /// The torrent's title.
    pub title: String,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
}

/// The `limit` latest uploads of a member.
pub async fn uploads(client: &impl GenericClient, id: UserId, limit: i64) -> Result<Vec<Upload>, Error> {
    let sql = "select id, title, created_at from torrents where uploader_id = $1 order by id desc limit $2";
    let upload =
        |row: &Row| Upload { id: row.get("id"), title: row.get("title"), created_at: row.get("created_at") };
    Ok(rows(client, sql, &[&id, &limit]).await?.iter().map(upload).collect())
}

/// Ids and names of the members with these ids; unknown ids are left out.
pub async fn names(client: &impl GenericClient, ids: &[UserId]) -> Result<Vec<Named<UserId>>, Error> {
    let rows = rows(client, "select id, name from users where id = any($1)", &[&ids]).await?;
    Ok(rows.iter().map(|row| Named { id: row.get("id"), name: row.get("name") }).collect())
}

#[cfg(test)]
mod tests;
