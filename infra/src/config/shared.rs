//! The keys that several processes of the site need.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use super::base_url::BaseUrl;
use super::document::Problem;
use super::values::wrong;
use crate::secrets::Secret;

/// Shortest `salt` that is accepted, in characters.
pub const MIN_SALT_LEN: usize = 32;

/// The keys outside any section.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// Public URL of the tracker, without `/announce`. Required.
    pub tracker_url: BaseUrl,
    /// Public URL of the site; the API is below it at `/api`. Required.
    pub api_url: BaseUrl,
    /// Number of leading path segments that a proxy leaves on each request, and which are ignored.
    pub path_depth: usize,
    /// The server's secret, from which all other secrets are derived. Required.
    pub salt: Secret,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The sockets between tracker and webapi.
    pub zeromq: Zeromq,
}

/// ZeroMQ endpoints, bound by the tracker: `ipc://PATH` or `tcp://ADDR:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Zeromq {
    /// PUB socket of live counts.
    #[serde(deserialize_with = "endpoint")]
    pub counts: String,
    /// ROUTER socket of snapshots, reports and other requests of the webapi.
    #[serde(deserialize_with = "endpoint")]
    pub control: String,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            tracker_url: BaseUrl::default(),
            api_url: BaseUrl::default(),
            path_depth: 0,
            salt: Secret::default(),
            trusted_proxies: loopback(),
            zeromq: Zeromq::default(),
        }
    }
}

impl Default for Zeromq {
    fn default() -> Self {
        Self {
            counts: "ipc:///run/fairywren/counts".to_owned(),
            control: "ipc:///run/fairywren/control".to_owned(),
        }
    }
}

impl Shared {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !self.tracker_url.is_given() {
            return Err(Problem::new(
                "trackerUrl",
                "a required key is missing: the URL that clients announce to, as \"https://tracker.example.org\"",
            ));
        }
        if !self.api_url.is_given() {
            return Err(Problem::new(
                "apiUrl",
                "a required key is missing: the URL of the site, as \"https://fairywren.example.org\"",
            ));
        }
        if !self.salt.is_given() {
            return Err(Problem::new(
                "salt",
                "a required key is missing: at least 32 random characters, as `openssl rand -base64 48` prints",
            ));
        }
        if self.path_depth > 16 {
            return Err(Problem::new("pathDepth", "expected 0 to 16"));
        }
        if self.zeromq.counts == self.zeromq.control {
            return Err(Problem::new("zeromq.control", "expected another endpoint than zeromq.counts"));
        }
        Ok(())
    }
}

/// The loopback networks: proxies on the same machine.
pub(super) fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)),
        std::net::IpAddr::from(Ipv6Addr::LOCALHOST).into(),
    ]
}

pub(super) fn salt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let salt = Secret::deserialize(deserializer)?;
    if salt.reveal().chars().count() < MIN_SALT_LEN {
        return Err(wrong("expected at least 32 random characters, as `openssl rand -base64 48` prints"));
    }
    Ok(salt)
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let endpoint = String::deserialize(deserializer)?;
    if !endpoint.starts_with("ipc:///") && !endpoint.starts_with("tcp://") {
        return Err(wrong("expected ipc:///PATH or tcp://ADDRESS:PORT"));
    }
    Ok(endpoint)
}
