//! A client of the swarm: its program, its network and the thread that owns both.

mod content;
mod program;
mod supervisor;
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
use supervisor::Supervisor;

/// Port on which programs accept peers: it is free in each client's own network.
pub(crate) const PEER_PORT: u16 = 6881;

/// How long a client's program may take for each thing that it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// To answer for the first time after its start.
    pub(crate) start: Duration,
    /// To say what it shares.
    pub(crate) answer: Duration,
    /// To carry out an order.
    pub(crate) order: Duration,
    /// To tell the tracker and to end after SIGINT; then it is sent SIGTERM.
    pub(crate) interrupt: Duration,
    /// To end after SIGTERM; then it is sent SIGKILL.
    pub(crate) terminate: Duration,
}

impl Timeouts {
    /// The longest time until a client has ended, by SIGINT, SIGTERM or SIGKILL.
    fn stop(&self) -> Duration {
        // The kernel takes a moment to clear a process that it killed.
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

/// The state of a client's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Started, without an answer yet.
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
    /// The program's version, once known.
    pub(crate) version: Option<String>,
    /// Whether its network is there.
    pub(crate) connected: bool,
    /// KiB a second that it is limited to.
    pub(crate) rate: Option<u32>,
    /// Its torrents, by its latest answer.
    pub(crate) shares: Vec<Share>,
    /// The time of that answer.
    pub(crate) at: Instant,
}

/// An order to a client. A program that is started again is given its torrents again.
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
    /// Has its program, which must be running, scrape a torrent that it has not added: [`Client::scrape`].
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
    /// Program and number, such as "rtorrent-3".
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) addresses: Vec<IpAddr>,
    downloads: PathBuf,
    report: Arc<Mutex<Report>>,
    messages: mpsc::UnboundedSender<Message>,
    ending: Arc<watch::Sender<bool>>,
    /// Limit of [`Node::end`].
    stop_timeout: Duration,
}

/// An order and where its outcome is sent. The content of [`Order::Add`] was copied before.
type Message = (Order, oneshot::Sender<anyhow::Result<()>>);

/// How its thread is told orders, and that it is to end whatever it is doing.
struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    ending: watch::Receiver<bool>,
}

impl Node {
    /// Makes its network and its thread and starts its program, whose files and `downloads` are in `folder`.
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
    #[expect(clippy::too_many_arguments, reason = "the arguments of `start`, and two that tests replace")]
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
            let supervise = move |port: Port| {
                let setup = Setup { folder: own, addresses: port.addresses.clone(), port: PEER_PORT, rate };
                Supervisor::new(
                    name,
                    client(setup),
                    timeouts,
                    port,
                    downloads,
                    folder.join("program.log"),
                    report,
                )
            };
            move || run(&network, number, supervise, inbox, started)
        };
        thread::Builder::new().name(name.clone()).spawn(task).context("cannot start a client's thread")?;
        let addresses = start
            .await
            .context("the thread of a client ended at its start")?
            .with_context(|| format!("cannot start {name}"))?;
        let (ending, stop_timeout) = (Arc::new(ending), timeouts.stop());
        Ok(Self { name, kind, addresses, downloads, report, messages, ending, stop_timeout })
    }

    /// Gives an order and waits until it is carried out. A program that does not run is given torrents and rates once it
    /// does.
    pub(crate) async fn order(&self, order: Order) -> anyhow::Result<()> {
        if let Order::Add { metainfo, content: Some(content) } = &order {
            // First of all: a program that has the torrent would not check it again but write over it.
            self.copy_content(metainfo, content)
                .await
                .with_context(|| format!("cannot give {} the content", self.name))?;
        }
        self.send(order).await.with_context(|| self.name.clone())
    }

    /// Its latest report.
    pub(crate) fn report(&self) -> Report {
        self.report.lock().clone()
    }

    /// The folder of its downloads, in which each torrent has a folder named by its canonical info hash.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.downloads.clone()
    }

    /// Stops its program as its user would, and ends its thread and network. Waits for that, up to a limit.
    pub(crate) async fn end(&self) {
        self.ending.send_replace(true);
        if timeout(self.stop_timeout, self.messages.closed()).await.is_err() {
            tracing::warn!("{} did not end in time", self.name);
        }
    }

    /// Whether its thread has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.messages.is_closed()
    }

    async fn send(&self, order: Order) -> anyhow::Result<()> {
        let (answer, carried_out) = oneshot::channel();
        self.messages.send((order, answer)).ok().context("the client has ended")?;
        carried_out.await.context("the client has ended")?
    }

    /// Copies `content` into the folder in which the program will look for it.
    async fn copy_content(&self, metainfo: &[u8], content: &Path) -> anyhow::Result<()> {
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

/// The body of a client's thread: all sockets and processes that it makes are in the client's network.
fn run(
    network: &Network,
    number: u16,
    supervise: impl FnOnce(Port) -> Supervisor,
    inbox: Inbox,
    started: oneshot::Sender<anyhow::Result<Vec<IpAddr>>>,
) {
    let start = || {
        let port = network.join(number)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let addresses = port.addresses.clone();
        let mut supervisor = supervise(port);
        runtime.block_on(async { supervisor.launch() })?;
        anyhow::Ok((runtime, supervisor, addresses))
    };
    match start() {
        Ok((runtime, supervisor, addresses)) => {
            let _ = started.send(Ok(addresses));
            runtime.block_on(supervisor.run(inbox));
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    }
}
