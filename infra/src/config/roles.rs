//! The list of database roles, the only one in the code.

use super::postgresql::{self, Postgresql};
use super::{Config, tracker, webapi};

/// A role of the database, and the section of the configuration with its connection.
#[derive(Debug)]
pub struct Role {
    /// Name of the section; the connection is its key `postgresql`.
    pub section: &'static str,
    /// The role's default name.
    pub user: &'static str,
    of: fn(&Config) -> &Postgresql,
}

impl Role {
    /// The role's connection in `config`.
    pub fn login<'a>(&self, config: &'a Config) -> &'a Postgresql {
        (self.of)(config)
    }
}

/// The role that owns the database.
pub const OWNER: Role =
    Role { section: "migrate", user: postgresql::OWNER, of: |config| &config.migrate.postgresql };

/// The roles of the running processes. Migrations create them, and `sql/permissions.sql` says what each may do.
pub fn roles() -> &'static [Role] {
    const ROLES: &[Role] = &[
        Role { section: "webapi", user: webapi::USER, of: |config| &config.webapi.postgresql },
        Role { section: "tracker", user: tracker::USER, of: |config| &config.tracker.postgresql },
    ];
    ROLES
}
