//! Roles and their holders (tables `roles`, `role_permissions` and `user_roles`).

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{execute, one, rows};
use crate::id::UserId;

/// A role that members can have.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name, one word.
    pub name: String,
    /// What it allows, in a sentence.
    pub description: String,
}

/// All roles, sorted by name.
pub async fn all(client: &impl GenericClient) -> Result<Vec<Role>, Error> {
    let found = rows(client, "select name, description from roles order by name", &[]).await?;
    Ok(found.iter().map(|row| Role { name: row.get("name"), description: row.get("description") }).collect())
}

/// Adds roles to a member; violates a foreign key if a role is unknown.
pub async fn grant(client: &impl GenericClient, user_id: UserId, roles: &[String]) -> Result<(), Error> {
    let sql = "insert into user_roles (user_id, role) select $1, unnest($2::text[]) on conflict do nothing";
    execute(client, sql, &[&user_id, &roles]).await.map(drop)
}

/// Removes a member's roles that are not in `kept`.
pub async fn keep(client: &impl GenericClient, user_id: UserId, kept: &[String]) -> Result<(), Error> {
    let sql = "delete from user_roles where user_id = $1 and role <> all($2::text[])";
    execute(client, sql, &[&user_id, &kept]).await.map(drop)
}

/// Words of the permissions of these roles, as in the table `role_permissions`.
pub async fn permissions(client: &impl GenericClient, roles: &[String]) -> Result<Vec<String>, Error> {
    let sql = "select distinct permission from role_permissions where role = any($1)";
    Ok(rows(client, sql, &[&roles]).await?.iter().map(|row| row.get("permission")).collect())
}

/// Waits for other transactions that may remove a permission which at least one member must keep, and makes later ones
/// wait. To be called in a transaction.
pub async fn lock_holders(client: &impl GenericClient) -> Result<(), Error> {
    // An advisory lock, not a row lock on the role, because the webapi's role may only read that table.
    execute(client, "select pg_advisory_xact_lock(hashtext('fairywren administrators'))", &[]).await.map(drop)
}

/// Whether an enabled member other than `user_id` has `permission`.
pub async fn others_have(
    client: &impl GenericClient,
    user_id: UserId,
    permission: &str,
) -> Result<bool, Error> {
    let sql = "
        select exists (
            select from role_permissions p join user_roles r on r.role = p.role join users u on u.id = r.user_id
            where p.permission = $2 and u.disabled_at is null and u.id <> $1
        ) as others";
    Ok(one(client, sql, &[&user_id, &permission]).await?.get("others"))
}
