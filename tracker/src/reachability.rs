//! Whether other peers can connect to a client: the tracker tries it, now and then, with a TCP connection to the
//! endpoint that announced. Results are kept in memory only, for the announce doctor and for staff.
//!
//! A member chooses only the port: the address is the one that the announce came from. So that nobody scans ports
//! through the tracker, each member has one endpoint tried a minute, all members together 20 a second, and neither
//! loopback nor an address of this machine is ever connected to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bt::ClientPrefix;
use bt::announce::Event;
use bt::messages::control::{Connection, PeerRecord};
use infra::shutdown::Shutdown;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::state::Tracker;

/// How long a client has to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between the starts of two connections.
const CONNECT_EVERY: Duration = Duration::from_millis(50);

/// Endpoints that wait to be tried, at most. Further ones are dropped until their clients announce again.
const QUEUE_CAPACITY: usize = 256;

/// Seconds between two connections to a member's clients, for an announce with `started`.
const AFTER_START: u32 = 60;

/// The same for all other announces.
const OTHERWISE: u32 = 1800;

/// Results kept for a member, at most: the latest, each of another endpoint.
const RESULTS_PER_MEMBER: usize = 4;

/// Members with results, at most.
const MAX_MEMBERS: usize = 100_000;

/// The queue of endpoints to try, and the results.
#[derive(Debug)]
pub(crate) struct Reachability {
    /// `None` if the configuration turns the connections off.
    queue: Option<mpsc::Sender<Candidate>>,
    /// Taken once, by [`run`].
    candidates: Mutex<Option<mpsc::Receiver<Candidate>>>,
    /// The latest attempts for each member, the newest first. Held for one look-up or change, never across an await.
    results: Mutex<HashMap<u32, Vec<Tried>>>,
}

/// An endpoint to try.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    member: u32,
    client: ClientPrefix,
    endpoint: SocketAddr,
}

/// An endpoint that was tried.
#[derive(Debug, Clone, Copy)]
struct Tried {
    client: ClientPrefix,
    endpoint: SocketAddr,
    reachable: bool,
    /// Second of the tracker's clock.
    at: u32,
}

impl Reachability {
    /// Tries nothing unless `enabled`.
    pub(crate) fn new(enabled: bool) -> Self {
        let (queue, candidates) = mpsc::channel(QUEUE_CAPACITY);
        let results = Mutex::default();
        Self { queue: enabled.then_some(queue), candidates: Mutex::new(Some(candidates)), results }
    }

    /// Queues the endpoint of an announce, if the member's last one was queued long enough ago. `last` is the member's
    /// `MemberRecord::last_tried`.
    pub(crate) fn offer(
        &self,
        last: &AtomicU32,
        (member, client): (u32, ClientPrefix),
        endpoint: SocketAddr,
        event: Event,
        now: u32,
    ) {
        let Some(queue) = &self.queue else { return };
        let wait = if event == Event::Started { AFTER_START } else { OTHERWISE };
        let before = last.load(Ordering::Relaxed);
        let is_due = before == 0 || now >= (before - 1).saturating_add(wait);
        if !is_due || endpoint.port() == 0 || !is_public_or_private(endpoint.ip()) {
            return;
        }
        // Of two threads that come here at the same time, one goes on.
        let taken =
            last.compare_exchange(before, now.saturating_add(1), Ordering::Relaxed, Ordering::Relaxed);
        if taken.is_ok() {
            // If the queue is full, the member's next announce that is due is tried.
            let _ = queue.try_send(Candidate { member, client, endpoint });
        }
    }

    /// The latest results of a member at second `now`, the newest first.
    pub(crate) fn of_member(&self, member: u32, now: u32) -> Vec<Connection> {
        let results = self.results.lock();
        let tried = results.get(&member).map(Vec::as_slice).unwrap_or_default();
        tried.iter().map(|tried| tried.connection(now)).collect()
    }

    /// Notes beside each peer whether one of its endpoints could be connected to.
    pub(crate) fn mark(&self, peers: &mut [PeerRecord]) {
        let results = self.results.lock();
        for record in peers {
            let Some(tried) = results.get(&record.peer.member) else { continue };
            let endpoints = [record.peer.v4.map(SocketAddr::V4), record.peer.v6.map(SocketAddr::V6)];
            let of_peer = tried.iter().filter(|tried| endpoints.contains(&Some(tried.endpoint)));
            record.reachable = of_peer.map(|tried| tried.reachable).reduce(|one, other| one || other);
        }
    }

    fn note(&self, candidate: Candidate, reachable: bool, now: u32) {
        let Candidate { member, client, endpoint } = candidate;
        let mut results = self.results.lock();
        if results.len() >= MAX_MEMBERS && !results.contains_key(&member) {
            results.retain(|_, tried| {
                tried.first().is_some_and(|it| now.saturating_sub(it.at) <= 2 * OTHERWISE)
            });
            if results.len() >= MAX_MEMBERS {
                return;
            }
        }
        let tried = results.entry(member).or_default();
        tried.retain(|it| it.endpoint != endpoint);
        tried.insert(0, Tried { client, endpoint, reachable, at: now });
        tried.truncate(RESULTS_PER_MEMBER);
    }
}

impl Tried {
    fn connection(self, now: u32) -> Connection {
        let Self { client, endpoint, reachable, at } = self;
        Connection {
            age: now.saturating_sub(at),
            client,
            port: endpoint.port(),
            ipv6: endpoint.is_ipv6(),
            reachable,
        }
    }
}

/// Tries queued endpoints until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, shutdown: Shutdown) {
    let Some(mut candidates) = tracker.reachability.candidates.lock().take() else { return };
    let mut timer = interval(CONNECT_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tries = JoinSet::new();
    loop {
        let candidate = tokio::select! {
            () = shutdown.requested() => return,
            Some(_) = tries.join_next() => continue,
            candidate = candidates.recv() => candidate,
        };
        // The sender is gone: the configuration turns the connections off.
        let Some(candidate) = candidate else { return };
        if is_own(candidate.endpoint.ip()) {
            continue;
        }
        timer.tick().await;
        let tracker = Arc::clone(&tracker);
        tries.spawn(async move {
            let reachable = accepts(candidate.endpoint).await;
            tracker.reachability.note(candidate, reachable, tracker.clock.now());
        });
    }
}

/// Whether a TCP connection is accepted in time. It is closed at once.
async fn accepts(endpoint: SocketAddr) -> bool {
    matches!(timeout(CONNECT_TIMEOUT, TcpStream::connect(endpoint)).await, Ok(Ok(_)))
}

/// Whether another host can have this address: not loopback, link-local, multicast, broadcast or unspecified.
fn is_public_or_private(ip: IpAddr) -> bool {
    let is_special = match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_special && !ip.is_loopback() && !ip.is_multicast() && !ip.is_unspecified()
}

/// Whether this machine has the address. Also true if the system does not tell its addresses.
fn is_own(ip: IpAddr) -> bool {
    let Ok(mut interfaces) = nix::ifaddrs::getifaddrs() else { return true };
    interfaces.any(|interface| {
        let address = interface.address;
        let v4 = address.as_ref().and_then(|it| it.as_sockaddr_in()).map(|it| IpAddr::V4(it.ip()));
        let v6 = address.as_ref().and_then(|it| it.as_sockaddr_in6()).map(|it| IpAddr::V6(it.ip()));
        v4.or(v6) == Some(ip)
    })
}

#[cfg(test)]
mod tests;
