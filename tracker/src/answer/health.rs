//! `/healthz`: the tracker's state, for monitoring. Anybody may read it, so it gives no numbers of members or torrents.

use std::io::Write as _;

use crate::state::Tracker;

impl Tracker {
    /// Whether `target` is `/healthz`, by itself or below the path that the tracker's address has.
    pub(crate) fn is_health(&self, target: &[u8]) -> bool {
        let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
        let Some(above) = path.strip_suffix(b"/healthz") else { return false };
        let segments = above.split(|&byte| byte == b'/').skip(1).count();
        above.is_empty() || (above.starts_with(b"/") && segments == self.settings.path_depth)
    }

    /// Appends the tracker's state as JSON. `status` is always `ok`: a tracker that answers this answers announces as
    /// well, even while the database is away.
    pub(crate) fn write_health(&self, out: &mut Vec<u8>) {
        let state = self.directory.link.state();
        let database = if state.connected { "connected" } else { "away" };
        let age = state.age.map_or_else(|| "null".to_owned(), |age| age.as_secs().to_string());
        let restored = self.directory.restored.is_finished();
        // Writing to a vector does not fail.
        let _ = write!(
            out,
            r#"{{"status":"ok","database":"{database}","directoryAgeSeconds":{age},"swarmsRestored":{restored}}}"#
        );
    }
}
