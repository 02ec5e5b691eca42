//! A client of the swarm: its program, its network and the thread that both belong to.

mod content;
mod keeper;
mod program;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, thread};

use anyhow::Context;
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::client::{Client, Kind, Setup, Share};
use crate::network::{Network, Port};
use keeper::Keeper;

/// Where programs take connections of other peers. Each has a network of its own, so that it is free.
pub(crate) const PEER_PORT: u16 = 6881;

/// How long a client's program may take for what it is asked, before it counts as hanging.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// To answer for the first time after its start.
    pub(crate) start: Duration,
    /// To say what it shares.
    pub(crate) answer: Duration,
    /// To carry out an order.
    pub(crate) order: Duration,
    /// To tell the tracker and to end after Ctrl-C; SIGTERM comes then.
    pub(crate) interrupt: Duration,
    /// To end after SIGTERM; SIGKILL comes then.
    pub(crate) terminate: Duration,
}

impl Timeouts {
    /// To end in one way or another.
    fn stop(&self) -> Duration {
        // What is killed ends at once, but for the system's work.
        self.interrupt + self.terminate + Duration::from_secs(5)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(2),
            answer: Duration::from_secs(3),
            order: Duration::from_mins(1),
            interrupt: Duration::from_secs(20),
            terminate: Duration::from_secs(3),
        }
    }
}

/// Where a client's program stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It was started and does not answer yet.
    Starting,
    /// It answers.
    Running,
    /// It was told to stop.
    Stopped,
    /// It ended by itself or was killed.
    Dead(String),
}

/// What is known of a client, at most a second old while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) state: State,
    /// The program's, once it has said so.
    pub(crate) version: Option<String>,
    /// Whether its network is there.
    pub(crate) connected: bool,
    /// KiB a second, as set last.
    pub(crate) rate: Option<u32>,
    /// As it said last.
    pub(crate) shares: Vec<Share>,
    /// When it said so.
    pub(crate) at: Instant,
}

/// What a client is told. It knows its torrents again after its program was stopped, killed and started.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Adds a torrent; `content` is copied into its folder first, so that it seeds.
    Add { metainfo: Arc<[u8]>, content: Option<PathBuf> },
    /// Forgets a torrent and deletes its content.
    Remove(InfoHash),
    /// Stops its program, as its user would.
    Stop,
    /// Starts it again.
    Start,
    /// `kill -9`.
    Kill,
    /// Has its program, which must run, ask the tracker for the numbers of a torrent that it has not: [`Client::scrape`].
    Scrape(Arc<[u8]>),
    /// KiB a second both ways; none takes the limit away.
    Throttle(Option<u32>),
    /// Takes its network away.
    Cut,
    /// Gives it back.
    Restore,
}

/// A client. Clones are the same one; it ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// As on the page: program and number, "rtorrent-3".
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) addresses: Vec<IpAddr>,
    downloads: PathBuf,
    report: Arc<Mutex<Report>>,
    messages: mpsc::UnboundedSender<Message>,
    ending: Arc<watch::Sender<bool>>,
    /// Until [`Node::end`] gives up.
    stop_timeout: Duration,
}

/// An order, but for the content of [`Order::Add`], and where the answer goes.
type Message = (Order, oneshot::Sender<anyhow::Result<()>>);

/// What its thread is told by: orders, and that it is to end, whatever it does just then.
struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    ending: watch::Receiver<bool>,
}

impl Node {
    /// Makes its network and its thread and starts its program. Below `folder`: what its program keeps, and `downloads`.
    pub(crate) async fn start(
        name: String,
        kind: Kind,
        network: &Network,
        number: u16,
        folder: &Path,
        rate: Option<u32>,
    ) -> anyhow::Result<Self> {
        let timeouts = Timeouts::default();
        Self::start_with(move |setup| kind.client(setup), timeouts, name, kind, network, number, folder, rate)
            .await
    }

    /// [`Node::start`] with a `client` that need not be of that `kind`, and other timeouts.
    #[expect(clippy::too_many_arguments, reason = "those of `start`, and what tests replace")]
    async fn start_with(
        client: impl FnOnce(Setup) -> Box<dyn Client> + Send + 'static,
        timeouts: Timeouts,
        name: String,
        kind: Kind,
        network: &Network,
        number: u16,
        folder: &Path,
        rate: Option<u32>,
    ) -> anyhow::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let (own, downloads) = (folder.join("program"), folder.join("downloads"));
        for folder in [&own, &downloads] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let report = Arc::new(Mutex::new(Report::new(rate)));
        let (messages, inbox) = mpsc::unbounded_channel();
        let (ending, asked_to_end) = watch::channel(false);
        let inbox = Inbox { messages: inbox, ending: asked_to_end };
        let (started, start) = oneshot::channel();
        let task = {
            let (network, name) = (network.clone(), name.clone());
            let (downloads, report) = (downloads.clone(), Arc::clone(&report));
            let keep = move |port: Port| {
                let setup = Setup { folder: own, addresses: port.addresses.clone(), port: PEER_PORT, rate };
                Keeper::new(
                    name,
                    client(setup),
                    timeouts,
                    port,
                    downloads,
                    folder.join("program.log"),
                    report,
                )
            };
            move || run(&network, number, keep, inbox, started)
        };
        thread::Builder::new().name(name.clone()).spawn(task).context("cannot start a thread")?;
        let addresses =
            start.await.context("its thread ended")?.with_context(|| format!("cannot start {name}"))?;
        let (ending, stop_timeout) = (Arc::new(ending), timeouts.stop());
        Ok(Self { name, kind, addresses, downloads, report, messages, ending, stop_timeout })
    }

    /// Gives an order and waits until it is carried out. A program that is not there yet or any more is given torrents
    /// and rates once it is.
    pub(crate) async fn order(&self, order: Order) -> anyhow::Result<()> {
        if let Order::Add { metainfo, content: Some(content) } = &order {
            // The program does not look again at what it has, and would write over it.
            self.place(metainfo, content)
                .await
                .with_context(|| format!("cannot give {} the content", self.name))?;
        }
        self.send(order).await.with_context(|| self.name.clone())
    }

    /// What is known of it now.
    pub(crate) fn report(&self) -> Report {
        self.report.lock().clone()
    }

    /// Where its downloads are: of each torrent in a folder named by its canonical info hash.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.downloads.clone()
    }

    /// Stops its program, as its user would, and ends its thread and network. Returns when that is done, or after some
    /// seconds.
    pub(crate) async fn end(&self) {
        self.ending.send_replace(true);
        if timeout(self.stop_timeout, self.messages.closed()).await.is_err() {
            tracing::warn!("{} did not end in time", self.name);
        }
    }

    /// Whether it does nothing any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.messages.is_closed()
    }

    async fn send(&self, order: Order) -> anyhow::Result<()> {
        let (answer, carried_out) = oneshot::channel();
        self.messages.send((order, answer)).ok().context("it has ended")?;
        carried_out.await.context("it has ended")?
    }

    /// Copies `content` to where the program looks for it.
    async fn place(&self, metainfo: &[u8], content: &Path) -> anyhow::Result<()> {
        let metainfo = Metainfo::parse(metainfo, &Limits::default())?;
        let hash = metainfo.hashes.canonical();
        self.send(Order::Remove(hash)).await?;
        let (from, to) = (content.to_owned(), content::folder(&self.downloads, &hash).join(&metainfo.name));
        let paths: Vec<String> = metainfo.files.into_iter().map(|file| file.path).collect();
        tokio::task::spawn_blocking(move || content::copy(&from, &to, &paths)).await?
    }
}

impl Report {
    fn new(rate: Option<u32>) -> Self {
        Self {
            state: State::Starting,
            version: None,
            connected: true,
            rate,
            shares: Vec::new(),
            at: Instant::now(),
        }
    }
}

/// A client's thread: everything that it starts and opens is in the client's network.
fn run(
    network: &Network,
    number: u16,
    keep: impl FnOnce(Port) -> Keeper,
    inbox: Inbox,
    started: oneshot::Sender<anyhow::Result<Vec<IpAddr>>>,
) {
    let start = || {
        let port = network.join(number)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let addresses = port.addresses.clone();
        let mut keeper = keep(port);
        runtime.block_on(async { keeper.launch() })?;
        anyhow::Ok((runtime, keeper, addresses))
    };
    match start() {
        Ok((runtime, keeper, addresses)) => {
            let _ = started.send(Ok(addresses));
            runtime.block_on(keeper.keep(inbox));
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    }
}
