//! Accounts.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use super::optional;

/// An account with its roles.
#[derive(Debug, Clone)]
pub struct Account {
    /// Never used twice.
    pub id: i32,
    /// As typed when it was made; unique in any case.
    pub name: String,
    /// Sorted.
    pub roles: Vec<String>,
    /// Counts resets of the announce keys.
    pub key_version: i32,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it is disabled.
    pub disabled_at: Option<OffsetDateTime>,
}

impl Account {
    /// From its columns and `roles`.
    pub fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            roles: row.get("roles"),
            key_version: row.get("key_version"),
            created_at: row.get("created_at"),
            disabled_at: row.get("disabled_at"),
        }
    }
}

/// An account that is not disabled.
pub async fn find_enabled(client: &impl GenericClient, id: i32) -> Result<Option<Account>, Error> {
    let sql = "
        select u.id, u.name, u.key_version, u.created_at, u.disabled_at,
               array(select r.role from user_roles r where r.user_id = u.id order by r.role) as roles
        from users u
        where u.id = $1 and u.disabled_at is null";
    Ok(optional(client, sql, &[&id]).await?.as_ref().map(Account::from_row))
}
