//! Announces and scrapes over UDP (BEP 15): one thread for each core, each with sockets of its own.

mod pending;
mod respondent;
mod thread;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use bt::udp_tracker::ConnectionIds;
use infra::shutdown::Shutdown;
use infra::{config, secrets};
use tokio::sync::mpsc;

use crate::state::Tracker;
use pending::PendingQueue;
use respondent::Respondent;
use thread::UdpThread;

/// UDP threads before they start, with their sockets; none if the configuration names no address.
pub(crate) struct Udp {
    addresses: Vec<SocketAddr>,
    /// The sockets of each thread: one for each address.
    sockets: Vec<Vec<UdpSocket>>,
}

/// UDP threads that run.
pub(crate) struct Running(Vec<JoinHandle<()>>);

impl Udp {
    /// Binds the addresses of the configuration.
    pub(crate) fn bind(config: &config::Tracker) -> anyhow::Result<Self> {
        let count = if config.udp_listen.is_empty() {
            0
        } else {
            std::thread::available_parallelism().map_or(1, usize::from)
        };
        let mut sockets: Vec<Vec<UdpSocket>> = (0..count).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for address in &config.udp_listen {
            let (address, own) = infra::udp::bind_all(*address, count)?;
            addresses.push(address);
            for (thread, socket) in sockets.iter_mut().zip(own) {
                thread.push(socket);
            }
        }
        Ok(Self { addresses, sockets })
    }

    /// The addresses bound.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The number of threads.
    pub(crate) fn count(&self) -> usize {
        self.sockets.len()
    }

    /// Starts the threads. They answer until `shutdown` is requested, and then the datagrams that have come by then.
    pub(crate) fn start(self, tracker: &Arc<Tracker>, shutdown: &Shutdown) -> anyhow::Result<Running> {
        let mut key = [0; 16];
        secrets::random(&mut key).context("cannot read random bytes for a key")?;
        let respondent = Arc::new(Respondent::new(Arc::clone(tracker), ConnectionIds::new(&key)));
        let (sender, requests) = mpsc::unbounded_channel();
        let pending = PendingQueue::new(sender);
        shutdown.spawn(pending::run(Arc::clone(&respondent), requests, shutdown.clone()));
        let mut threads = Vec::new();
        for sockets in self.sockets {
            let thread = UdpThread::new(sockets, Arc::clone(&respondent), pending.clone(), shutdown)?;
            let builder = std::thread::Builder::new().name("udp".to_owned());
            threads.push(builder.spawn(move || thread.run()).context("cannot start a UDP thread")?);
        }
        Ok(Running(threads))
    }
}

impl Running {
    /// Waits for the threads, which end by themselves.
    pub(crate) fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a UDP thread panicked");
            }
        }
    }
}
