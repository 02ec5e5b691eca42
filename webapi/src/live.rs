//! Live counts: what the tracker says over ZeroMQ, in memory, for pages and event streams.

/// Present counts of all torrents, cheap to clone.
#[derive(Clone)]
pub struct Live {}

impl Live {
    /// Without truth until the tracker has answered.
    #[expect(clippy::new_without_default, reason = "grows arguments")]
    pub fn new() -> Self {
        Self {}
    }
}
