//! The state of the demonstration: participants, torrents, and the picture of both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::InfoHash;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::client::Kind;
use crate::create;
use crate::network::Network;
use crate::node::Node;
use crate::outside::Capture;
use crate::picture::{Announce, Picture};
use crate::site::{Member, RunningSite};

use super::lessons::Lessons;
use super::notices::Notices;
use super::painting::{self, Reported, Sums};
use super::participant::{Participant, TorrentTask};
use super::published::{self, Published};

/// Clients that fit on a page and into a machine.
pub(super) const MOST_CLIENTS: usize = 100;

/// The description of each upload.
const DESCRIPTION: &str = "Put into the sources of the demonstration.";

/// Wait for the site's part of a picture.
const SITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Announces shown, at most.
const ANNOUNCES: usize = 100;

/// What changes while the demonstration runs. Its lock never crosses an await.
#[derive(Debug, Default)]
struct State {
    participants: Vec<Participant>,
    /// The published torrents, by the name of the source.
    torrents: BTreeMap<String, Published>,
    /// Uploads without an answer, which the site may have taken, by the source's name.
    uploading: BTreeMap<String, InfoHash>,
    /// The number that the last client got.
    last: u16,
    sums: Sums,
    lessons: Lessons,
}

/// The demonstration.
#[derive(Debug)]
pub(super) struct World {
    site: Arc<RunningSite>,
    network: Network,
    capture: Capture,
    /// The folder of the clients' folders.
    folder: PathBuf,
    rate: Option<u32>,
    started: Instant,
    /// Locked while a torrent is made, which uses all cores.
    making: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    notices: Notices,
    pictures: watch::Sender<Arc<Picture>>,
}

impl World {
    /// A world without clients. They will be on `network`, with their folders in `folder`.
    pub(super) fn new(
        site: Arc<RunningSite>,
        network: Network,
        folder: PathBuf,
        rate: Option<u32>,
    ) -> anyhow::Result<Self> {
        let capture = Capture::start(&network)?;
        let (pictures, _) = watch::channel(Arc::default());
        // Number 1 is the hub.
        let state = Mutex::new(State { last: 1, ..State::default() });
        let (started, making) = (Instant::now(), tokio::sync::Mutex::default());
        let notices = Notices::default();
        Ok(Self { site, network, capture, folder, rate, started, making, state, notices, pictures })
    }

    /// A receiver of all pictures from now on.
    pub(super) fn pictures(&self) -> watch::Receiver<Arc<Picture>> {
        self.pictures.subscribe()
    }

    /// The last picture.
    pub(super) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.pictures.borrow())
    }

    /// Adds a notice about a source to the log and to the page: see [`Notices::say`].
    pub(super) fn say(&self, source: &str, text: &str, trouble: bool) {
        self.notices.say(milliseconds(self.started.elapsed()), source, text.to_owned(), trouble);
    }

    /// Adds a client with an account of its own, and gives it all torrents. Its name.
    pub(super) async fn settle(&self, kind: Kind, seeder: bool) -> anyhow::Result<String> {
        let number = {
            let mut state = self.state.lock();
            if usize::from(state.last) > MOST_CLIENTS {
                bail!("there are {MOST_CLIENTS} clients already");
            }
            state.last += 1;
            state.last
        };
        let name = format!("{}-{}", kind.name(), number - 1);
        let member =
            self.site.member(&name).await.with_context(|| format!("cannot make an account for {name}"))?;
        let folder = self.folder.join(&name);
        let node = Node::start(name.clone(), kind, &self.network, number, &folder, self.rate);
        let node = node.await.with_context(|| format!("cannot start {name}"))?;
        let participant = Participant::new(number, node, member, seeder, Arc::clone(&self.site));
        let mut state = self.state.lock();
        for published in state.torrents.values().filter(|it| !it.leaving) {
            participant.queue(TorrentTask::Add(Box::new(published.clone()), seeder));
        }
        state.participants.push(participant);
        state.participants.sort_by_key(|it| it.number);
        Ok(name)
    }

    /// Makes a torrent of a source, uploads it and queues it for all clients.
    pub(super) async fn publish(&self, name: &str, source: PathBuf) -> anyhow::Result<()> {
        let metainfo = {
            let _turn = self.making.lock().await;
            let path = source.clone();
            let made = tokio::task::spawn_blocking(move || make(&path));
            made.await.context("the thread that makes a torrent panicked")??
        };
        let parsed = published::read(&metainfo)?;
        let hash = parsed.hashes.canonical();
        self.state.lock().uploading.insert(name.to_owned(), hash);
        let id = match self.site.upload(metainfo.clone(), name, DESCRIPTION).await {
            Ok(uploaded) => uploaded.id,
            // The answer to an earlier upload may have been lost.
            Err(error) => self.site.find(&hash).await.ok().flatten().ok_or(error)?,
        };
        let published = Published::new(id, name.to_owned(), source, &parsed);
        self.say(name, "is on the site", false);
        let mut state = self.state.lock();
        for participant in &state.participants {
            participant.queue(TorrentTask::Add(Box::new(published.clone()), participant.seeder));
        }
        state.uploading.remove(name);
        state.torrents.insert(name.to_owned(), published);
        Ok(())
    }

    /// Removes the torrent of a source that is gone from all clients and from the site. Whether the site had it.
    pub(super) async fn withdraw(&self, name: &str) -> anyhow::Result<bool> {
        let (published, uploading) = {
            let mut state = self.state.lock();
            let State { participants, torrents, uploading, .. } = &mut *state;
            let published = torrents.get_mut(name).map(|published| {
                if !std::mem::replace(&mut published.leaving, true) {
                    for it in participants.iter() {
                        it.queue(TorrentTask::Remove(published.info_hash));
                    }
                }
                published.id
            });
            (published, uploading.get(name).copied())
        };
        let id = match (published, uploading) {
            (Some(id), _) => Some(id),
            (None, Some(hash)) => self.site.find(&hash).await?,
            (None, None) => None,
        };
        if let Some(id) = id {
            self.site.delete(id).await?;
        }
        let mut state = self.state.lock();
        state.uploading.remove(name);
        state.torrents.remove(name);
        Ok(id.is_some())
    }

    /// Has a client start anew with a torrent, with the content or without. The names of both.
    pub(super) async fn begin_anew(
        &self,
        client: &str,
        torrent: &str,
        given: bool,
    ) -> anyhow::Result<(String, String)> {
        let participant = self.participant(client)?;
        let (title, forgotten, taken) = {
            let state = self.state.lock();
            let published = find(&state, torrent)?;
            let forgotten = participant.attempt(TorrentTask::Remove(published.info_hash));
            (
                published.title.clone(),
                forgotten,
                participant.attempt(TorrentTask::Add(Box::new(published.clone()), given)),
            )
        };
        forgotten.await?;
        taken.await?;
        Ok((participant.node.name, title))
    }

    /// The client of that name.
    pub(super) fn node(&self, name: &str) -> anyhow::Result<Node> {
        Ok(self.participant(name)?.node)
    }

    fn participant(&self, name: &str) -> anyhow::Result<Participant> {
        let state = self.state.lock();
        let found = state.participants.iter().find(|it| it.node.name == name).cloned();
        found.with_context(|| {
            let names: Vec<&str> = state.participants.iter().map(|it| it.node.name.as_str()).collect();
            format!("there is no client “{name}”: there are {}", names.join(", "))
        })
    }

    /// Makes the present picture and sends it to all receivers.
    pub(super) async fn paint(&self) {
        // A slow site does not delay the rest of the picture.
        let (counts, announces) =
            tokio::join!(timeout(SITE_TIMEOUT, self.site.counts()), timeout(SITE_TIMEOUT, self.announces()));
        let counts = counts.ok().and_then(Result::ok).unwrap_or_default();
        let announces = announces.unwrap_or_else(|_| self.picture().announces.clone());
        let mut state = self.state.lock();
        let State { participants, torrents, sums, lessons, .. } = &mut *state;
        let reported: Vec<Reported<'_>> = participants
            .iter()
            .map(|participant| Reported { participant, report: participant.node.report() })
            .collect();
        for published in torrents.values_mut() {
            for it in &reported {
                if let Some(share) = it.share(published) {
                    let origin = it.participant.origins.contains(published.id);
                    sums.note(&it.participant.node.name, published.id, origin, share.sent);
                }
            }
        }
        let edges = painting::edges(&reported, torrents.values());
        let mut picture = Picture {
            at: milliseconds(self.started.elapsed()),
            outside: self.capture.packets(),
            clients: (0..)
                .zip(&reported)
                .map(|(place, it)| painting::client_status(place, it, &edges))
                .collect(),
            edges,
            announces,
            notices: self.notices.all(),
            ..Picture::default()
        };
        for published in torrents.values_mut() {
            let tracker = counts.get(&published.id).and_then(|it| it.peers);
            let mut torrent = painting::torrent(published, &reported, tracker);
            if !reported.is_empty() && torrent.lacking(reported.len()) == 0 {
                let now = || u32::try_from(published.since.elapsed().as_secs()).ok();
                published.completed = published.completed.or_else(now);
                torrent.completed = published.completed;
            }
            picture.torrents.push(torrent);
        }
        (picture.sent, picture.sent_by_leechers) = sums.totals();
        picture.lessons = lessons.look(&picture);
        drop(state);
        self.pictures.send_replace(Arc::new(picture));
    }

    /// The latest announces of all clients, the newest first.
    async fn announces(&self) -> Vec<Announce> {
        let members: Vec<Member> =
            self.state.lock().participants.iter().map(|it| it.member.clone()).collect();
        let asked = members.iter().map(|member| self.site.announces(member));
        let now = self.started.elapsed();
        let mut announces = Vec::new();
        for (member, made) in members.iter().zip(join_all(asked).await) {
            for announce in made.unwrap_or_default() {
                let at = now.saturating_sub(Duration::from_secs(announce.age.into()));
                announces.push(Announce {
                    at: milliseconds(at),
                    client: member.name.clone(),
                    torrent: announce.torrent.map(|torrent| torrent.title).unwrap_or_default(),
                    event: announce.event.unwrap_or_default(),
                    answer: announce.message,
                });
            }
        }
        announces.sort_by_key(|announce| std::cmp::Reverse(announce.at));
        announces.truncate(ANNOUNCES);
        announces
    }

    /// Stops all clients, as their users would, then the site.
    pub(super) async fn end(&self) {
        let nodes: Vec<Node> = self.state.lock().participants.iter().map(|it| it.node.clone()).collect();
        join_all(nodes.iter().map(Node::end)).await;
        self.site.stop().await;
    }
}

/// Makes the .torrent file of a source, and logs what is left out of it.
fn make(source: &Path) -> anyhow::Result<Vec<u8>> {
    let options = create::Options { kind: bt::metainfo::Kind::V1, ..create::Options::default() };
    create::create(source, &options, &|event| {
        if let create::Event::Skipped(path) = event {
            tracing::warn!("{} is left out: it is neither file nor folder", path.display());
        }
    })
}

/// The torrent of that title or id.
fn find<'a>(state: &'a State, name: &str) -> anyhow::Result<&'a Published> {
    let there = || state.torrents.values().filter(|it| !it.leaving);
    let found = there().find(|it| it.title == name || it.id.to_string() == name);
    found.with_context(|| {
        let titles: Vec<&str> = there().map(|it| it.title.as_str()).collect();
        format!("there is no torrent “{name}”: there are {}", titles.join(", "))
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
