//! The settings of connections to the database.

use serde::{Deserialize, Deserializer, Serialize};

use crate::secrets::Secret;

/// The role that owns the database, by default.
pub(super) const OWNER: &str = "fairywren";

/// A Postgres connection, with libpq's names of parameters. It is not encrypted: use a unix socket or a private
/// network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Postgresql {
    /// A host name, an address or the directory of the server's unix socket.
    pub host: String,
    /// The port; part of the name of a unix socket as well.
    pub port: u16,
    /// Name of the database.
    #[serde(alias = "database")]
    pub dbname: String,
    /// Name of the role.
    pub user: String,
    /// The role's password. Required.
    pub password: Secret,
}

impl Default for Postgresql {
    fn default() -> Self {
        Self {
            host: "/run/postgresql".to_owned(),
            port: 5432,
            dbname: "fairywren".to_owned(),
            user: String::new(),
            password: Secret::default(),
        }
    }
}

impl Postgresql {
    /// The default connection of `user`, without the password, which is required.
    pub(super) fn of(user: &str) -> Self {
        Self { user: user.to_owned(), ..Self::default() }
    }

    /// Reads the connection of a section in which `user` is the default of the key `user`.
    pub(super) fn read_for<'de, D: Deserializer<'de>>(deserializer: D, user: &str) -> Result<Self, D::Error> {
        let login = Self::deserialize(deserializer)?;
        Ok(if login.user.is_empty() { Self { user: user.to_owned(), ..login } } else { login })
    }
}

/// Settings of `webapi migrate`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Migrate {
    /// Connection of the role that owns the database. It may create tables, and the [`roles`](super::roles) that are
    /// missing.
    #[serde(deserialize_with = "owner")]
    pub postgresql: Postgresql,
}

impl Default for Migrate {
    fn default() -> Self {
        Self { postgresql: Postgresql::of(OWNER) }
    }
}

fn owner<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Postgresql, D::Error> {
    Postgresql::read_for(deserializer, OWNER)
}
