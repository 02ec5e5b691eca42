//! The configuration: one JSON file for the site, with a section for each process.
//!
//! Every key has a default here, except secrets and public addresses. An unknown key, a value of another type and a
//! missing required key are refused by name. A program with a file of its own implements [`Document`] for its type
//! and calls [`read`].

mod base_url;
mod document;
mod postgresql;
mod roles;
mod shared;
#[cfg(test)]
mod tests;
mod tracker;
mod values;
mod webapi;

use std::ops::Deref;
use std::path::Path;

use ipnet::IpNet;
use serde::Deserialize;

use crate::secrets::Secret;

pub use base_url::BaseUrl;
pub use document::{Document, Error, Problem, from_value, parse, read};
pub use postgresql::{Migrate, Postgresql};
pub use roles::{OWNER, Role, roles};
pub use shared::{MIN_SALT_LEN, Shared, Zeromq};
pub use tracker::Tracker;
pub use webapi::Webapi;

/// The site's configuration, as `example.conf.json` shows it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Layout")]
pub struct Config {
    /// The keys outside any section. `Config` dereferences to them: `config.salt` is `config.shared.salt`.
    pub shared: Shared,
    /// Settings of `webapi migrate`.
    pub migrate: Migrate,
    /// Settings of the site and API process.
    pub webapi: Webapi,
    /// Settings of the announce process.
    pub tracker: Tracker,
}

/// The layout of the file, in which the shared keys stand beside the sections. (`serde(flatten)` would accept unknown
/// keys, and its errors would not name the path of a wrong key.)
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Layout {
    tracker_url: BaseUrl,
    api_url: BaseUrl,
    path_depth: usize,
    #[serde(deserialize_with = "shared::salt")]
    salt: Secret,
    #[serde(default = "shared::loopback")]
    trusted_proxies: Vec<IpNet>,
    zeromq: Zeromq,
    migrate: Migrate,
    webapi: Webapi,
    tracker: Tracker,
}

impl From<Layout> for Config {
    fn from(layout: Layout) -> Self {
        let Layout {
            tracker_url,
            api_url,
            path_depth,
            salt,
            trusted_proxies,
            zeromq,
            migrate,
            webapi,
            tracker,
        } = layout;
        let shared = Shared { tracker_url, api_url, path_depth, salt, trusted_proxies, zeromq };
        Self { shared, migrate, webapi, tracker }
    }
}

impl Deref for Config {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Document for Config {
    fn check(&self) -> Result<(), Problem> {
        self.shared.check()?;
        for role in std::iter::once(&OWNER).chain(roles()) {
            if !role.login(self).password.is_given() {
                let key = format!("{}.postgresql.password", role.section);
                return Err(Problem::new(
                    key,
                    "a required key is missing: the password of the database role",
                ));
            }
        }
        self.webapi.check()?;
        self.tracker.check()
    }
}

impl Config {
    /// Reads `file`.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn read(file: &Path) -> Result<Self, Error> {
        read(file)
    }

    /// Reads `text`, which came from `file` (named in errors only).
    ///
    /// # Errors
    /// Those of [`parse`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        parse(text, file)
    }

    /// The connections of [`roles`], in their order.
    pub fn logins(&self) -> Vec<&Postgresql> {
        roles().iter().map(|role| role.login(self)).collect()
    }
}
