//! One of the two clients of a trial: a program with a member's account and one torrent.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use tokio::time::{Instant, sleep};

use super::Environment;
use super::cell::{Family, program_name};
use crate::client::{Activity, Kind, Share};
use crate::node::{Node, Order, PEER_PORT, State};
use crate::site::{Announce, Counts, Member};

/// Longest wait for a program to start, to check its files, or for the site to show its counts.
pub(super) const SETTLE_TIMEOUT: Duration = Duration::from_mins(5);
/// Time between two looks.
pub(super) const POLL: Duration = Duration::from_millis(200);

pub(super) struct TrialClient {
    pub(super) node: Node,
    pub(super) member: Member,
    metainfo: Vec<u8>,
}

impl TrialClient {
    /// Starts a program at the address `number`.
    pub(super) async fn start(
        environment: &Environment,
        kind: Kind,
        role: &str,
        number: u16,
        torrent: u32,
    ) -> anyhow::Result<Self> {
        let name = format!("{role}-{number}");
        let member = environment.site.member(&name).await?;
        let metainfo = environment.site.metainfo(&member, torrent).await?;
        let parsed = Metainfo::parse(&metainfo, &Limits::default())?;
        ensure!(parsed.private, "the site serves a torrent without the private flag");
        let folder = environment.folder.join(&name);
        let node = Node::start(name, kind, &environment.network, number, &folder, None).await?;
        Ok(Self { node, member, metainfo })
    }

    pub(super) async fn add(&self, content: Option<PathBuf>) -> anyhow::Result<()> {
        let order = Order::Add { metainfo: self.metainfo.clone().into(), content };
        self.node.order(order).await.with_context(|| format!("cannot add the torrent to {}", self.node.name))
    }

    /// Adds the torrent without starting it, and has the program scrape.
    pub(super) async fn scrape(&self) -> anyhow::Result<()> {
        self.node.order(Order::Scrape(self.metainfo.clone().into())).await
    }

    pub(super) async fn remove(&self, hash: InfoHash) -> anyhow::Result<()> {
        self.node.order(Order::Remove(hash)).await
    }

    /// The program and its version, once it has answered.
    pub(super) fn version(&self) -> Option<(Kind, String)> {
        Some((self.node.kind, self.node.report().version?))
    }

    /// Its report of its only torrent.
    pub(super) fn share(&self) -> Option<Share> {
        self.node.report().shares.into_iter().next()
    }

    /// Waits for the next report of the running program.
    pub(super) async fn next_look(&self) -> anyhow::Result<()> {
        let (now, until) = (Instant::now(), Instant::now() + SETTLE_TIMEOUT);
        while self.node.report().at < now || self.node.report().state != State::Running {
            ensure!(Instant::now() < until, "{} does not answer", self.node.name);
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until it reports to have moved `size` bytes. The bytes that it sent, and those that it downloaded.
    pub(super) async fn moved(&self, size: u64) -> anyhow::Result<(u64, u64)> {
        let until = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let share = self.share().unwrap_or_default();
            if share.sent + share.fetched >= size {
                return Ok((share.sent, share.fetched));
            }
            let Share { sent, fetched, .. } = share;
            ensure!(
                Instant::now() < until,
                "{} reports {sent} bytes sent and {fetched} downloaded",
                self.node.name
            );
            sleep(POLL).await;
        }
    }

    pub(super) fn is_complete(&self, until: Instant) -> anyhow::Result<bool> {
        let report = self.node.report();
        if let State::Dead(reason) = report.state {
            bail!("{} ended: {reason}", self.node.name);
        }
        let activity = report.shares.into_iter().next().map(|share| share.activity);
        match activity {
            Some(Activity::Seeding) => return Ok(true),
            Some(Activity::Failed(reason)) => bail!("{} cannot go on: {reason}", self.node.name),
            _ => {}
        }
        ensure!(Instant::now() < until, "{} is not complete in time, but {activity:?}", self.node.name);
        Ok(false)
    }

    pub(super) async fn complete(&self) -> anyhow::Result<()> {
        let until = Instant::now() + SETTLE_TIMEOUT;
        while !self.is_complete(until)? {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Its announces. Refused ones, and those over another family, are faults.
    pub(super) async fn look_back(
        &self,
        environment: &Environment,
        family: Family,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Announce>> {
        let program = program_name(self.node.kind);
        let announces = environment.site.announces(&self.member).await?;
        for Announce { family: over, outcome, message, .. } in &announces {
            if outcome != "answered" && outcome != "scraped" {
                faults.push(format!("{program} was answered {outcome}: {message}"));
            }
            if over != family.word() {
                faults.push(format!("{program} announced over {over}"));
            }
        }
        Ok(announces)
    }

    /// Its only address, as its network has one family.
    pub(super) fn address(&self) -> anyhow::Result<IpAddr> {
        self.node.addresses.first().copied().with_context(|| format!("{} has no address", self.node.name))
    }

    pub(super) fn socket(&self) -> anyhow::Result<SocketAddr> {
        Ok(SocketAddr::new(self.address()?, PEER_PORT))
    }
}

/// Waits until the site's counts are as `wanted`.
pub(super) async fn counts(environment: &Environment, torrent: u32, wanted: Counts) -> anyhow::Result<()> {
    let until = Instant::now() + SETTLE_TIMEOUT;
    loop {
        let counted = environment.site.counts().await?.get(&torrent).copied();
        if counted == Some(wanted) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the site counts {counted:?}, not {wanted:?}");
        sleep(POLL).await;
    }
}
