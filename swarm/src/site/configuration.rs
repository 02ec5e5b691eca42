//! The configuration of the demonstration's site.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use infra::secrets::random_text;
use serde_json::{Value, json};

use super::Options;

/// Writes it as the launcher's own, into the data folder. The launcher adds the connections to the database.
///
/// # Errors
/// Where the folder has one already: the database of an earlier run is of no use with another salt.
pub(super) fn write(options: &Options) -> anyhow::Result<()> {
    let file = options.folder.join("fairywren.conf.json");
    let text = serde_json::to_string_pretty(&configuration(options)?)?;
    let write = || {
        let mut open = fs::OpenOptions::new();
        open.write(true).create_new(true).mode(0o600).open(&file)?.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot make {} anew: the folder has to be empty", file.display()))
}

/// The URL of what listens at `address`.
pub(super) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn configuration(options: &Options) -> anyhow::Result<Value> {
    let first = options.tracker.first().context("no address is given for the tracker")?;
    Ok(json!({
        "apiUrl": options.api_url.clone().unwrap_or_else(|| url(options.site)),
        "trackerUrl": options.tracker_url.clone().unwrap_or_else(|| url(*first)),
        "salt": random_text()?,
        // The page passes visitors on to the site from the site's own address.
        "trustedProxies": [format!("{}/{}", options.site.ip(), whole(options.site))],
        "webapi": {
            "listen": options.site,
            "secure": false,
            // All members are invited at the same moment.
            "openInvites": 1000,
            // The demonstration asks in its administrator's name, about each client once a second.
            "requestsPerMinute": 60_000,
            "uploadsPerDay": 100_000,
        },
        "tracker": {
            "listen": options.tracker,
            "checkConnectability": true,
            "intervalSeconds": options.pace.interval,
            "minIntervalSeconds": options.pace.least,
            "peerTimeoutSeconds": options.pace.timeout,
        },
    }))
}

/// Bits of an address.
fn whole(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
