//! Stops all tasks of a process at SIGINT or SIGTERM, and waits for them for a bounded time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells tasks to stop and waits for them. Clones share the state.
#[derive(Clone, Default, Debug)]
pub struct Shutdown {
    /// Set before `token` is cancelled; cheaper to read.
    requested: Arc<AtomicBool>,
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Starts a task for which [`Shutdown::finish`] waits. It should end soon after [`Shutdown::requested`] returns.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Returns when the stop is requested.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Whether the stop was requested.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Requests the stop of all tasks.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Requests the stop and waits for all tasks, for `timeout` at most. Says whether all have ended.
    pub async fn finish(&self, timeout: Duration) -> bool {
        self.request();
        self.tasks.close();
        tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok()
    }

    /// Returns at SIGINT, SIGTERM or [`Shutdown::request`].
    ///
    /// # Errors
    /// When the process cannot listen for the signals.
    pub async fn signalled(&self) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = self.requested() => {}
        }
        self.request();
        Ok(())
    }
}
