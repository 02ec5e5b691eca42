//! The event-loop threads: one for each core, each with listening sockets of its own. A connection stays with its
//! thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use infra::config;
use infra::shutdown::Shutdown;
use tokio::sync::oneshot;

use crate::connection_limit::ConnectionLimit;
use crate::event_loop::{EventLoop, Listener, LoopHandle};
use crate::listen::bind_all;
use crate::state::Tracker;
use crate::tls::Tls;

/// Event-loop threads before they start, with their listening sockets.
pub(crate) struct Workers {
    addresses: Vec<SocketAddr>,
    /// The listening sockets of each thread: one for each address.
    listeners: Vec<Vec<Listener>>,
    tls: Option<Arc<Tls>>,
    /// Time in which a request's header must arrive, counted from the end of the answer before it and rounded up. It
    /// also ends idle connections, and those whose client takes nothing of an answer.
    timeout: Duration,
}

/// Event-loop threads that run.
pub(crate) struct Running {
    threads: Vec<(JoinHandle<()>, LoopHandle)>,
}

impl Workers {
    /// Binds the addresses of the configuration: first those for HTTP, then those for HTTPS.
    pub(crate) fn bind(config: &config::Tracker) -> anyhow::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let tls = (!config.tls_listen.is_empty())
            .then(|| Tls::read(&config.tls_certificate, &config.tls_key).map(Arc::new))
            .transpose()?;
        let mut listeners: Vec<Vec<Listener>> = (0..count).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        let clear = config.listen.iter().map(|address| (address, None));
        for (address, tls) in clear.chain(config.tls_listen.iter().map(|address| (address, tls.clone()))) {
            let (address, sockets) = bind_all(*address, count)?;
            addresses.push(address);
            for (thread, socket) in listeners.iter_mut().zip(sockets) {
                thread.push(Listener { socket, tls: tls.clone() });
            }
        }
        Ok(Self { addresses, listeners, tls, timeout: config.header_timeout })
    }

    /// The addresses bound, in that order.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The number of threads.
    pub(crate) fn count(&self) -> usize {
        self.listeners.len()
    }

    /// Starts the threads, which share `limit`. Tasks of the calling runtime ask the database for them. They answer
    /// until `shutdown` is requested, and then finish requests that are under way.
    pub(crate) fn start(
        self,
        tracker: &Arc<Tracker>,
        limit: &ConnectionLimit,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Running> {
        let mut threads = Vec::new();
        for listeners in self.listeners {
            let (tracker, limit) = (Arc::clone(tracker), limit.clone());
            let event_loop = EventLoop::new(listeners, tracker, limit, self.timeout, shutdown.clone());
            let event_loop = event_loop.context("cannot create an epoll instance")?;
            let handle = event_loop.handle();
            let (running, ended) = oneshot::channel::<()>();
            let run = move || {
                event_loop.run();
                drop(running);
            };
            let thread = thread::Builder::new()
                .name("announce".to_owned())
                .spawn(run)
                .context("cannot start an event-loop thread")?;
            threads.push((thread, handle.clone()));
            let stop = shutdown.clone();
            shutdown.spawn(async move {
                stop.requested().await;
                handle.wake();
                // The sender is dropped when the thread ends.
                let _ = ended.await;
            });
        }
        if let Some(tls) = self.tls {
            shutdown.spawn(tls.follow_files(shutdown.clone()));
        }
        Ok(Running { threads })
    }
}

impl Running {
    /// Ends the threads and their connections, and waits for them.
    pub(crate) fn join(self) {
        for (thread, handle) in self.threads {
            handle.cut();
            if thread.join().is_err() {
                tracing::error!("an event-loop thread panicked");
            }
        }
    }
}
