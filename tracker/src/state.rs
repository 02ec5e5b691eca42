//! What the threads and tasks of a tracker share.

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use infra::config::Config;

use crate::clock::Clock;
use crate::decisions::RefusedKeys;
use crate::directory::Directory;
use crate::limits::{TokenBucket, WindowSeeds};
use crate::publish::CountStream;
use crate::reachability::Reachability;
use crate::reports::ReportQueue;
use crate::settings::Settings;
use crate::swarms::Swarms;

/// The state that all threads and tasks of a tracker share.
pub(crate) struct Tracker {
    pub(crate) settings: Settings,
    pub(crate) directory: Arc<Directory>,
    pub(crate) swarms: Swarms,
    pub(crate) clock: Clock,
    pub(crate) count_stream: CountStream,
    pub(crate) report_queue: ReportQueue,
    pub(crate) window_seeds: WindowSeeds,
    pub(crate) refused_keys: RefusedKeys,
    pub(crate) reachability: Reachability,
    /// Look-ups in the database for keys that memory does not confirm, of all senders together.
    pub(crate) unconfirmed_key_lookups: TokenBucket,
}

impl Tracker {
    /// A tracker without peers.
    pub(crate) fn new(config: &Config, directory: Directory) -> anyhow::Result<Self> {
        let (settings, clock) = (Settings::new(config), Clock::start());
        Ok(Self {
            swarms: Swarms::new(settings.rules, settings.member_rate, clock.started()),
            settings,
            directory: Arc::new(directory),
            clock,
            count_stream: CountStream::new().context("cannot read random bytes")?,
            report_queue: ReportQueue::new(config.tracker.max_reports).context("cannot read random bytes")?,
            window_seeds: WindowSeeds::default(),
            refused_keys: RefusedKeys::default(),
            reachability: Reachability::new(config.tracker.check_connectability),
            unconfirmed_key_lookups: TokenBucket::default(),
        })
    }
}

impl fmt::Debug for Tracker {
    /// Shows no fields: they hold secrets and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").finish_non_exhaustive()
    }
}
