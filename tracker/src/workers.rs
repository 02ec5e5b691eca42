//! One thread for each core, each with a runtime and listening sockets of its own: connections never change threads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use infra::config;
use infra::shutdown::Shutdown;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::Tracker;
use crate::conversation::Bell;
use crate::listen::bind_all;
use crate::reception::{Places, Reception};

/// Threads to be, with their listening sockets.
pub(crate) struct Workers {
    addresses: Vec<SocketAddr>,
    /// For each thread, one socket for each address.
    listeners: Vec<Vec<TcpListener>>,
    places: Places,
    /// Time for a request's header to arrive, counted from the end of the answer before it; up to a quarter more is
    /// granted. It ends idle connections, and those whose client takes nothing of an answer, too.
    timeout: Duration,
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
        let places = Places::new(config.max_connections);
        Ok(Self { addresses, listeners, places, timeout: config.header_timeout })
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the threads. They answer until `shutdown` is requested, and run on for what is under way then.
    pub(crate) fn start(self, tracker: &Arc<Tracker>, shutdown: &Shutdown) -> anyhow::Result<Running> {
        let (done, _) = watch::channel(false);
        let mut threads = Vec::new();
        for listeners in self.listeners {
            let runtime = Builder::new_current_thread().enable_all().build().context("a runtime")?;
            let reception = Reception {
                tracker: Arc::clone(tracker),
                places: self.places.clone(),
                bell: Bell::default(),
                shutdown: shutdown.clone(),
            };
            let done = done.subscribe();
            let thread = thread::Builder::new().name("announce".to_owned());
            let run = move || run(&runtime, &Arc::new(reception), listeners, self.timeout, done);
            threads.push(thread.spawn(run).context("a thread")?);
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

fn run(
    runtime: &Runtime,
    reception: &Arc<Reception>,
    listeners: Vec<TcpListener>,
    timeout: Duration,
    mut done: watch::Receiver<bool>,
) {
    runtime.block_on(async move {
        for listener in listeners {
            if let Err(error) = reception.open(listener) {
                tracing::error!(%error, "cannot use a listening socket");
                reception.shutdown.request();
                return;
            }
        }
        reception.bell.ring(timeout, &reception.shutdown).await;
        let _ = done.wait_for(|done| *done).await;
    });
}
