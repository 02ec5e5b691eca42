//! Roles and who holds them.

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use super::{execute, one, rows};
use crate::id::UserId;

/// What a member may be allowed.
#[derive(Debug, Clone)]
pub struct Role {
    /// One word.
    pub name: String,
    /// What it allows.
    pub description: String,
}

/// All there are, by name.
pub async fn all(client: &impl GenericClient) -> Result<Vec<Role>, Error> {
    let found = rows(client, "select name, description from roles order by name", &[]).await?;
    Ok(found.iter().map(|row| Role { name: row.get("name"), description: row.get("description") }).collect())
}

/// Gives roles; violates a foreign key where one is unknown.
pub async fn grant(client: &impl GenericClient, user_id: UserId, roles: &[String]) -> Result<(), Error> {
    let sql = "insert into user_roles (user_id, role) select $1, unnest($2::text[]) on conflict do nothing";
    execute(client, sql, &[&user_id, &roles]).await.map(drop)
}

/// Takes all roles that are not in `kept`.
pub async fn keep(client: &impl GenericClient, user_id: UserId, kept: &[String]) -> Result<(), Error> {
    let sql = "delete from user_roles where user_id = $1 and role <> all($2::text[])";
    execute(client, sql, &[&user_id, &kept]).await.map(drop)
}

/// Waits for all others who are about to take the role `administrator` from somebody. In a transaction.
pub async fn lock_administrators(client: &impl GenericClient) -> Result<(), Error> {
    // A row lock on the role does not do: the webapi may only read that table.
    execute(client, "select pg_advisory_xact_lock(hashtext('fairywren administrators'))", &[]).await.map(drop)
}

/// How many administrators are not disabled, apart from `user_id`.
pub async fn other_administrators(client: &impl GenericClient, user_id: UserId) -> Result<i64, Error> {
    let sql = "
        select count(*) as count from user_roles r join users u on u.id = r.user_id
        where r.role = 'administrator' and u.disabled_at is null and u.id <> $1";
    Ok(one(client, sql, &[&user_id]).await?.get("count"))
}
