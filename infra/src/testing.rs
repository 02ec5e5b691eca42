//! For tests: databases, configurations with free addresses, and waiting for conditions.

mod database;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::config::roles;

pub use database::{TestDatabase, server};

/// The `salt` of [`configuration`].
pub const SALT: &str = "only for tests, and long enough to be a salt";

/// Longest wait for a condition: far longer than the busiest machine needs, so that only a faulty program exceeds it.
pub const CONDITION_TIMEOUT: Duration = Duration::from_mins(5);

/// Pause between two checks of a condition.
const CONDITION_PAUSE: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, and returns how long that took. `what` describes it in messages.
///
/// # Panics
/// When it does not hold within [`CONDITION_TIMEOUT`].
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < CONDITION_TIMEOUT, "waited in vain until {what}");
        tokio::time::sleep(CONDITION_PAUSE).await;
    }
    begun.elapsed()
}

/// A configuration with the required keys, the connections of `database` and free addresses: listeners use any port of
/// the loopback interface, and the tracker's endpoints lead nowhere.
pub fn configuration(database: &TestDatabase) -> Value {
    let mut config = json!({
        "trackerUrl": "https://tracker.example.org",
        "apiUrl": "https://fairywren.example.org",
        "salt": SALT,
        "zeromq": { "counts": "tcp://127.0.0.1:1", "control": "tcp://127.0.0.1:2" },
        "migrate": { "postgresql": database.owner },
        "webapi": { "listen": "127.0.0.1:0" },
        "tracker": { "listen": ["127.0.0.1:0"] },
    });
    for role in roles() {
        config[role.section]["postgresql"] = json!(database.login(role.section));
    }
    config
}
