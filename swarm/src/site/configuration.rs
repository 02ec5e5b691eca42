//! The configuration of the demonstration's site.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use infra::secrets::random_text;
use serde_json::{Value, json};

use super::Options;

/// Every key.
const EXAMPLE: &str = include_str!("../../../example.conf.json");

/// Writes it as the launcher's own, into the data folder. What is left out, as the connections to the database, the
/// launcher adds.
///
/// # Errors
/// Where the folder has one already: the database of an earlier run is of no use with another salt.
pub(super) fn write(options: &Options) -> anyhow::Result<()> {
    let file = options.folder.join("fairywren.conf.json");
    let text = serde_json::to_string_pretty(&complete(options)?)?;
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

fn complete(options: &Options) -> anyhow::Result<Value> {
    let mut value: Value = serde_json::from_str(EXAMPLE).context("example.conf.json")?;
    let first = options.tracker.first().context("the tracker is to listen nowhere")?;
    value["apiUrl"] = options.api_url.clone().unwrap_or_else(|| url(options.site)).into();
    value["trackerUrl"] = options.tracker_url.clone().unwrap_or_else(|| url(*first)).into();
    value["salt"] = json!(random_text()?);
    // Who passes visitors on to the site is where the site is.
    value["trustedProxies"] = json!([format!("{}/{}", options.site.ip(), whole(options.site))]);
    value["webapi"]["listen"] = json!(options.site);
    value["webapi"]["secure"] = false.into();
    // All members are invited at the same moment.
    value["webapi"]["openInvites"] = 1000.into();
    // The demonstration asks in its administrator's name, about each client once a second.
    value["webapi"]["requestsPerMinute"] = 60_000.into();
    value["webapi"]["uploadsPerDay"] = 100_000.into();
    value["tracker"]["listen"] = json!(options.tracker);
    value["tracker"]["checkConnectability"] = true.into();
    value["tracker"]["restartFile"] = "swarms".into();
    value["tracker"]["intervalSeconds"] = options.pace.interval.into();
    value["tracker"]["minIntervalSeconds"] = options.pace.least.into();
    value["tracker"]["peerTimeoutSeconds"] = options.pace.timeout.into();
    if let Some(keys) = value.as_object_mut() {
        keys.remove("zeromq");
        keys.remove("migrate");
    }
    for process in ["webapi", "tracker"] {
        if let Some(keys) = value[process].as_object_mut() {
            keys.remove("postgresql");
        }
    }
    Ok(value)
}

/// Bits of an address.
fn whole(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
