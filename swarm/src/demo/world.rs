//! Everybody and everything in the demonstration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::{InfoHash, InfoHashV2};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::Kind;
use crate::create;
use crate::network::Network;
use crate::node::{Node, Order};
use crate::outside::Capture;
use crate::picture::{Announce, Picture};
use crate::site::{Member, Site};
use crate::sources::Event;

use super::lessons::Lessons;
use super::painting::{self, Said, Sums};

/// Clients that fit on a page and into a machine.
const MOST_CLIENTS: usize = 100;

/// Of what is uploaded.
const DESCRIPTION: &str = "Put into the sources of the demonstration.";

/// Announces shown.
const ANNOUNCES: usize = 100;

/// A client and its account.
#[derive(Debug, Clone)]
pub(super) struct Resident {
    number: u16,
    pub(super) node: Node,
    member: Member,
    /// Whether it is given the content of what is uploaded.
    seeder: bool,
    /// Ids of the torrents whose content it was given.
    pub(super) origins: BTreeSet<u32>,
}

/// A torrent on the site.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) id: u32,
    pub(super) title: String,
    /// The canonical one.
    pub(super) info_hash: InfoHash,
    /// Clients name a hybrid torrent by either hash.
    v2: Option<InfoHashV2>,
    pub(super) size: u64,
    pub(super) pieces: u32,
    /// File or folder.
    source: PathBuf,
    since: Instant,
    /// Seconds until all had it for the first time.
    completed: Option<u32>,
}

impl Published {
    /// Whether `name`, in hex, is one of its hashes.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let canonical = self.info_hash.to_string();
        let v2 = self.v2.map(|hash| [hash.to_string(), hash.truncated().to_string()]);
        name.eq_ignore_ascii_case(&canonical)
            || v2.iter().flatten().any(|hash| hash.eq_ignore_ascii_case(name))
    }
}

/// What changes while it runs. Never held while waiting.
#[derive(Debug, Default)]
struct State {
    residents: Vec<Resident>,
    /// By the source's name.
    torrents: BTreeMap<String, Published>,
    /// The number that the last client got.
    last: u16,
    sums: Sums,
    lessons: Lessons,
}

/// The demonstration.
#[derive(Debug)]
pub(super) struct World {
    site: Arc<Site>,
    network: Network,
    capture: Capture,
    /// Where clients keep theirs.
    folder: PathBuf,
    rate: Option<u32>,
    started: Instant,
    state: Mutex<State>,
    pictures: watch::Sender<Arc<Picture>>,
}

impl World {
    /// Nobody is there yet. Clients will be on `network`, with their folders in `folder`.
    pub(super) fn new(
        site: Arc<Site>,
        network: Network,
        folder: PathBuf,
        rate: Option<u32>,
    ) -> anyhow::Result<Self> {
        let capture = Capture::start(&network)?;
        let (pictures, _) = watch::channel(Arc::default());
        // Number 1 is the hub.
        let state = Mutex::new(State { last: 1, ..State::default() });
        Ok(Self { site, network, capture, folder, rate, started: Instant::now(), state, pictures })
    }

    /// Every picture that is painted from now on.
    pub(super) fn pictures(&self) -> watch::Receiver<Arc<Picture>> {
        self.pictures.subscribe()
    }

    /// The last picture.
    pub(super) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.pictures.borrow())
    }

    /// Adds a client with an account of its own, and gives it all torrents. Returns its name.
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
        let member = self.site.member(&name).await.with_context(|| format!("an account for {name}"))?;
        let folder = self.folder.join(&name);
        let node = Node::start(name.clone(), kind, &self.network, number, &folder, self.rate);
        let node = node.await.with_context(|| format!("cannot start {name}"))?;
        let torrents: Vec<Published> = {
            let mut state = self.state.lock();
            state.residents.push(Resident { number, node, member, seeder, origins: BTreeSet::new() });
            state.residents.sort_by_key(|it| it.number);
            state.torrents.values().cloned().collect()
        };
        for published in torrents {
            self.give(&name, &published, seeder).await?;
        }
        Ok(name)
    }

    /// Makes a torrent of a source, uploads it and gives it to everybody.
    pub(super) async fn publish(&self, name: &str, source: PathBuf) -> anyhow::Result<()> {
        let path = source.clone();
        let options = create::Options { kind: bt::metainfo::Kind::V1, ..create::Options::default() };
        let made = tokio::task::spawn_blocking(move || create::create(&path, &options, &|_| {}));
        let metainfo = made.await.context("the torrent")??;
        let published = self.upload(name, source, &metainfo).await?;
        tracing::info!("“{name}” is on the site");
        let clients: Vec<(String, bool)> = {
            let mut state = self.state.lock();
            state.torrents.insert(name.to_owned(), published.clone());
            state.residents.iter().map(|it| (it.node.name.clone(), it.seeder)).collect()
        };
        let given = clients.iter().map(|(client, seeder)| self.give(client, &published, *seeder));
        for ((client, _), result) in clients.iter().zip(join_all(given).await) {
            if let Err(error) = result {
                tracing::warn!("{client} does not take “{name}”: {error:#}");
            }
        }
        Ok(())
    }

    /// Takes over what happened in the sources. What fails is said; the rest goes on.
    pub(super) async fn follow(&self, event: Event) {
        let (name, done) = match event {
            Event::Added { name, path } => {
                let done = self.publish(&name, path).await;
                (name, done)
            }
            Event::Removed { name } => {
                let done = self.withdraw(&name).await;
                (name, done)
            }
        };
        if let Err(error) = done {
            tracing::warn!("“{name}”: {error:#}");
        }
    }

    async fn upload(&self, name: &str, source: PathBuf, metainfo: &[u8]) -> anyhow::Result<Published> {
        let parsed = bt::metainfo::Metainfo::parse(metainfo, &bt::bencode::Limits::default())?;
        let in_pieces = |bytes: u64| bytes.div_ceil(parsed.piece_length.max(1));
        let pieces = match parsed.kind {
            bt::metainfo::Kind::V1 => in_pieces(parsed.size),
            // A file begins with a piece of its own.
            _ => parsed.files.iter().map(|file| in_pieces(file.size)).sum(),
        };
        let id = self.site.upload(metainfo.to_vec(), name, DESCRIPTION).await?.id;
        Ok(Published {
            id,
            title: name.to_owned(),
            info_hash: parsed.hashes.canonical(),
            v2: parsed.hashes.v2,
            size: parsed.size,
            pieces: u32::try_from(pieces).unwrap_or(u32::MAX),
            source,
            since: Instant::now(),
            completed: None,
        })
    }

    /// Takes what vanished from the sources off the site and from everybody.
    pub(super) async fn withdraw(&self, name: &str) -> anyhow::Result<()> {
        let (published, nodes) = {
            let mut state = self.state.lock();
            let Some(published) = state.torrents.remove(name) else { return Ok(()) };
            let nodes: Vec<Node> = state.residents.iter().map(|it| it.node.clone()).collect();
            (published, nodes)
        };
        self.site.delete(published.id).await?;
        let removed = nodes.iter().map(|node| node.order(Order::Remove(published.info_hash)));
        for (node, result) in nodes.iter().zip(join_all(removed).await) {
            if let Err(error) = result {
                tracing::warn!("{} does not forget “{name}”: {error:#}", node.name);
            }
        }
        tracing::info!("“{name}” is gone from the sources and has left the site");
        Ok(())
    }

    /// Gives a client its own copy of the .torrent, with the content or without.
    pub(super) async fn give(&self, client: &str, published: &Published, seeder: bool) -> anyhow::Result<()> {
        let resident = self.resident(client)?;
        let metainfo = self.site.metainfo(&resident.member, published.id).await?;
        let content = seeder.then(|| published.source.clone());
        {
            let mut state = self.state.lock();
            if let Some(resident) = state.residents.iter_mut().find(|it| it.node.name == client) {
                if seeder {
                    resident.origins.insert(published.id);
                } else {
                    resident.origins.remove(&published.id);
                }
            }
        }
        resident.node.order(Order::Add { metainfo: metainfo.into(), content }).await
    }

    /// The client of that name.
    pub(super) fn node(&self, name: &str) -> anyhow::Result<Node> {
        Ok(self.resident(name)?.node)
    }

    fn resident(&self, name: &str) -> anyhow::Result<Resident> {
        let state = self.state.lock();
        let found = state.residents.iter().find(|it| it.node.name == name).cloned();
        found.with_context(|| {
            let names: Vec<&str> = state.residents.iter().map(|it| it.node.name.as_str()).collect();
            format!("there is no client “{name}”: there are {}", names.join(", "))
        })
    }

    /// The torrent of that title or id.
    pub(super) fn published(&self, name: &str) -> anyhow::Result<Published> {
        let state = self.state.lock();
        let is_it = |it: &&Published| it.title == name || it.id.to_string() == name;
        let found = state.torrents.values().find(is_it).cloned();
        found.with_context(|| {
            let titles: Vec<&str> = state.torrents.keys().map(String::as_str).collect();
            format!("there is no torrent “{name}”: there are {}", titles.join(", "))
        })
    }

    /// Paints a picture of now, and shows it to all who look.
    pub(super) async fn paint(&self) {
        let counts = self.site.counts().await.unwrap_or_default();
        let announces = self.announces().await;
        let mut state = self.state.lock();
        let State { residents, torrents, sums, lessons, .. } = &mut *state;
        let said: Vec<Said<'_>> =
            residents.iter().map(|resident| Said { resident, report: resident.node.report() }).collect();
        for published in torrents.values_mut() {
            for it in &said {
                if let Some(share) = it.share(published) {
                    let origin = it.resident.origins.contains(&published.id);
                    sums.note(&it.resident.node.name, published.id, origin, share.sent);
                }
            }
        }
        let edges = painting::edges(&said, torrents.values());
        let mut picture = Picture {
            at: milliseconds(self.started.elapsed()),
            outside: self.capture.packets(),
            clients: (0..).zip(&said).map(|(place, it)| painting::seat(place, it, &edges)).collect(),
            edges,
            announces,
            ..Picture::default()
        };
        for published in torrents.values_mut() {
            let tracker = counts.get(&published.id).and_then(|it| it.peers);
            let mut torrent = painting::torrent(published, &said, tracker);
            if !said.is_empty() && torrent.lacking(said.len()) == 0 {
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
        let members: Vec<Member> = self.state.lock().residents.iter().map(|it| it.member.clone()).collect();
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
        let nodes: Vec<Node> = self.state.lock().residents.iter().map(|it| it.node.clone()).collect();
        join_all(nodes.iter().map(Node::end)).await;
        self.site.stop().await;
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
