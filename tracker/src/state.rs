//! What the threads and tasks of a tracker share.

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use infra::config::Config;

use crate::clock::Clock;
use crate::decisions::RefusedKeys;
use crate::directory::Directory;
use crate::limits::{Allowance, Windows};
use crate::publish::Stream;
use crate::reachability::Reachability;
use crate::reports::Ledger;
use crate::settings::Settings;
use crate::swarms::Swarms;

/// What all threads share.
pub(crate) struct Tracker {
    pub(crate) settings: Settings,
    pub(crate) directory: Arc<Directory>,
    pub(crate) swarms: Swarms,
    pub(crate) clock: Clock,
    pub(crate) stream: Stream,
    pub(crate) ledger: Ledger,
    pub(crate) windows: Windows,
    pub(crate) refused_keys: RefusedKeys,
    pub(crate) reachability: Reachability,
    /// What keys that memory does not confirm may still ask of the database.
    pub(crate) strangers: Allowance,
}

impl Tracker {
    /// Without peers.
    pub(crate) fn new(config: &Config, directory: Directory) -> anyhow::Result<Self> {
        let (settings, clock) = (Settings::new(config), Clock::start());
        Ok(Self {
            swarms: Swarms::new(settings.rules, settings.member_rate, clock.started()),
            settings,
            directory: Arc::new(directory),
            clock,
            stream: Stream::new().context("a random number")?,
            ledger: Ledger::new(config.tracker.max_reports).context("a random number")?,
            windows: Windows::default(),
            refused_keys: RefusedKeys::default(),
            reachability: Reachability::new(config.tracker.check_connectability),
            strangers: Allowance::default(),
        })
    }
}

impl fmt::Debug for Tracker {
    /// It holds secrets and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").finish_non_exhaustive()
    }
}
