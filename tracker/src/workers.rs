//! One thread for each core, each with a runtime and listening sockets of its own: connections never change threads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context;
use infra::config;
use infra::http::{self, Limits, Places};
use infra::shutdown::Shutdown;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::Tracker;
use crate::listen::bind_all;
use crate::service::Conversation;

/// A scrape with 74 escaped hashes is 5.5 KB.
const MAX_HEADER: usize = 16 * 1024;

/// Threads to be, with their listening sockets.
pub(crate) struct Workers {
    addresses: Vec<SocketAddr>,
    /// For each thread, one socket for each address.
    listeners: Vec<Vec<TcpListener>>,
    limits: Limits,
}

/// Threads that run.
pub(crate) struct Running {
    threads: Vec<JoinHandle<()>>,
    done: watch::Sender<bool>,
}

impl Workers {
    /// Binds the addresses of the configuration.
    pub(crate) fn bind(config: &config::Tracker) -> anyhow::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let mut listeners: Vec<Vec<TcpListener>> = (0..count).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for address in &config.listen {
            let (address, sockets) = bind_all(*address, count)?;
            addresses.push(address);
            for (thread, socket) in listeners.iter_mut().zip(sockets) {
                thread.push(socket);
            }
        }
        let limits = Limits {
            max_connections: config.max_connections,
            header_timeout: config.header_timeout,
            max_header: MAX_HEADER,
        };
        Ok(Self { addresses, listeners, limits })
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the threads. They answer until `shutdown` is requested, and run on for what is under way then.
    pub(crate) fn start(self, tracker: &Arc<Tracker>, shutdown: &Shutdown) -> anyhow::Result<Running> {
        let (done, _) = watch::channel(false);
        let places = self.limits.places();
        let mut threads = Vec::new();
        for listeners in self.listeners {
            let runtime = Builder::new_current_thread().enable_all().build().context("a runtime")?;
            let worker = Worker {
                tracker: Arc::clone(tracker),
                shutdown: shutdown.clone(),
                limits: self.limits,
                places: places.clone(),
                done: done.subscribe(),
            };
            let thread = thread::Builder::new().name("announce".to_owned());
            threads.push(thread.spawn(move || worker.run(&runtime, listeners)).context("a thread")?);
        }
        Ok(Running { threads, done })
    }
}

impl Running {
    /// Ends the threads and what they are still answering.
    pub(crate) fn join(self) {
        self.done.send_replace(true);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread ended in a panic");
            }
        }
    }
}

struct Worker {
    tracker: Arc<Tracker>,
    shutdown: Shutdown,
    limits: Limits,
    places: Places,
    done: watch::Receiver<bool>,
}

impl Worker {
    fn run(self, runtime: &Runtime, listeners: Vec<TcpListener>) {
        let Self { tracker, shutdown, limits, places, mut done } = self;
        runtime.block_on(async move {
            for listener in listeners {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::error!(%error, "cannot use a listening socket");
                        shutdown.request();
                        return;
                    }
                };
                let tracker = Arc::clone(&tracker);
                let service = move |peer| Conversation::new(Arc::clone(&tracker), peer);
                shutdown.spawn(http::serve_within(
                    listener,
                    limits,
                    places.clone(),
                    shutdown.clone(),
                    service,
                ));
            }
            let _ = done.wait_for(|done| *done).await;
        });
    }
}
