//! One stop for all tasks of a process: SIGINT or SIGTERM, then a bounded wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells tasks to stop and waits for them. Clones belong together.
#[derive(Clone, Default, Debug)]
pub struct Shutdown {
    /// Set before `token`, and cheaper to ask.
    requested: Arc<AtomicBool>,
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Starts a task that the stop waits for; it should end soon after [`Shutdown::requested`] returns.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Returns when the process shall stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Whether the process shall stop.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Asks all tasks to stop.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Asks all tasks to stop and waits for them, for `timeout` at most. Says whether all ended.
    pub async fn finish(&self, timeout: Duration) -> bool {
        self.request();
        self.tasks.close();
        tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok()
    }

    /// Returns at SIGINT, SIGTERM or [`Shutdown::request`].
    ///
    /// # Errors
    /// When the signals cannot be listened for.
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
