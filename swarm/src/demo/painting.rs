//! Makes the parts of the picture from the reports of nodes, site and tracker.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::client::{Activity, Link, Share};
use crate::node::{Report, State};
use crate::picture::{ClientStatus, Edge, Holder, Torrent};

use super::participant::Participant;
use super::published::Published;

/// A client with its latest report.
pub(super) struct Reported<'a> {
    pub(super) participant: &'a Participant,
    pub(super) report: Report,
}

/// Bytes that clients have sent, including those that restarted programs have lost count of.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<(String, u32), Sent>);

#[derive(Debug, Default, Clone, Copy)]
struct Sent {
    /// The latest report.
    last: u64,
    /// Bytes sent while it had been given the content, and while it had not.
    given: u64,
    fetched: u64,
}

impl Sums {
    /// Enters a client's present count of bytes sent, and whether it was given the content.
    pub(super) fn note(&mut self, client: &str, torrent: u32, origin: bool, sent: u64) {
        let sum = self.0.entry((client.to_owned(), torrent)).or_default();
        let more = sent.checked_sub(sum.last).unwrap_or(sent);
        *(if origin { &mut sum.given } else { &mut sum.fetched }) += more;
        sum.last = sent;
    }

    /// All bytes sent, and those sent by clients that had downloaded the content.
    pub(super) fn totals(&self) -> (u64, u64) {
        let (given, fetched) =
            self.0.values().fold((0, 0), |(given, fetched), sum| (given + sum.given, fetched + sum.fetched));
        (given + fetched, fetched)
    }
}

/// The status of the client with that index; its rates are those of its edges.
pub(super) fn client_status(index: usize, reported: &Reported<'_>, edges: &[Edge]) -> ClientStatus {
    let Reported { participant, report } = reported;
    let (state, reason) = match &report.state {
        State::Starting => ("starting", String::new()),
        State::Running if !report.connected => ("cut off", String::new()),
        State::Running => ("running", String::new()),
        State::Stopped => ("stopped", String::new()),
        State::Dead(reason) => ("dead", reason.clone()),
    };
    let sum = |end: fn(&Edge) -> usize| edges.iter().filter(|it| end(it) == index).map(|it| it.rate).sum();
    ClientStatus {
        name: participant.node.name.clone(),
        kind: participant.node.kind,
        version: report.version.clone().unwrap_or_default(),
        address: participant.node.addresses.first().map(ToString::to_string).unwrap_or_default(),
        state,
        reason,
        rate: report.rate,
        sending: sum(|edge| edge.from),
        fetching: sum(|edge| edge.to),
        age: u64::try_from(report.at.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// A torrent with its holders. The caller sets `completed`.
pub(super) fn torrent(
    published: &Published,
    reported: &[Reported<'_>],
    tracker: Option<(u32, u32)>,
) -> Torrent {
    let mut holders = Vec::new();
    let (mut seeders, mut leechers) = (0, 0);
    for (client, it) in reported.iter().enumerate() {
        let Some(share) = it.share(published) else { continue };
        if it.report.state == State::Running {
            match share.activity {
                Activity::Seeding => seeders += 1,
                Activity::Leeching => leechers += 1,
                _ => {}
            }
        }
        holders.push(holder(client, it, published, share));
    }
    Torrent {
        id: published.id,
        title: published.title.clone(),
        info_hash: published.info_hash.to_string(),
        size: published.size,
        pieces: published.pieces,
        tracker,
        clients: (seeders, leechers),
        completed: None,
        holders,
    }
}

fn holder(client: usize, reported: &Reported<'_>, published: &Published, share: &Share) -> Holder {
    let (activity, reason) = match &share.activity {
        Activity::Checking => ("checking", String::new()),
        Activity::Leeching => ("leeching", String::new()),
        Activity::Seeding => ("seeding", String::new()),
        Activity::Stopped => ("stopped", String::new()),
        Activity::Failed(reason) => ("failed", reason.clone()),
    };
    let missing = published.size.saturating_sub(share.done);
    Holder {
        client,
        activity,
        reason,
        origin: reported.participant.origins.contains(published.id),
        done: share.done,
        map: data_encoding::HEXLOWER.encode(&share.pieces),
        eta: (missing > 0 && share.fetching > 0).then(|| missing / share.fetching),
    }
}

/// The connections on which bytes move. Both ends report a rate; the receiver's is preferred, as it counts whole blocks.
pub(super) fn edges<'a>(
    reported: &[Reported<'_>],
    torrents: impl Iterator<Item = &'a Published>,
) -> Vec<Edge> {
    let runs = |it: &&Reported<'_>| it.report.state == State::Running;
    let at: HashMap<IpAddr, usize> = (0..)
        .zip(reported)
        .filter(|(_, it)| runs(it))
        .flat_map(|(client, it)| it.participant.node.addresses.iter().map(move |address| (*address, client)))
        .collect();
    let mut rates: BTreeMap<(usize, usize, usize), [u64; 2]> = BTreeMap::new();
    for (torrent, published) in torrents.enumerate() {
        for (client, it) in reported.iter().enumerate().filter(|(_, it)| runs(it)) {
            let Some(share) = it.share(published) else { continue };
            let sum = |of: fn(&Link) -> u64| share.links.iter().map(of).sum();
            let (fetching, sending) = (sum(|link| link.fetching), sum(|link| link.sending));
            for link in &share.links {
                let Some(&other) = at.get(&link.address) else { continue };
                let [fetched, _] = rates.entry((other, client, torrent)).or_default();
                *fetched += part(link.fetching, fetching, share.fetching);
                let [_, sent] = rates.entry((client, other, torrent)).or_default();
                *sent += part(link.sending, sending, share.sending);
            }
        }
    }
    let edges = rates.into_iter().map(|((from, to, torrent), [fetched, sent])| Edge {
        from,
        to,
        torrent,
        rate: if fetched > 0 { fetched } else { sent },
    });
    edges.filter(|edge| edge.rate > 0).collect()
}

/// A peer's rate, scaled so that those of all peers, `sum`, are at most the torrent's own rate, `moved`: a program's rates of
/// peers may be means of ten seconds.
fn part(rate: u64, sum: u64, moved: u64) -> u64 {
    let held = u128::from(rate) * u128::from(moved.min(sum)) / u128::from(sum.max(1));
    u64::try_from(held).unwrap_or(rate)
}

impl Reported<'_> {
    /// Its report of a torrent.
    pub(super) fn share(&self, published: &Published) -> Option<&Share> {
        self.report.shares.iter().find(|share| published.is_named(&share.info_hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_forgot_still_counts() {
        let mut sums = Sums::default();
        for sent in [10, 50, 0, 20] {
            sums.note("rtorrent-1", 1, true, sent);
        }
        sums.note("aria2-1", 1, false, 30);
        assert_eq!(sums.totals(), (100, 30));
    }

    #[test]
    fn peers_move_no_more_than_their_torrent() {
        assert_eq!([30, 10].map(|rate| part(rate, 40, 20)), [15, 5]);
        assert_eq!([30, 10].map(|rate| part(rate, 40, 100)), [30, 10]);
        assert_eq!((part(5, 5, 0), part(0, 0, 9)), (0, 0));
    }

    #[test]
    fn another_role_changes_nothing_of_what_was_sent_before() {
        let mut sums = Sums::default();
        for (origin, sent) in [(true, 100), (false, 0), (false, 30), (true, 0), (true, 5)] {
            sums.note("rtorrent-1", 1, origin, sent);
        }
        assert_eq!(sums.totals(), (135, 30));
        sums.note("rtorrent-1", 1, false, 5);
        assert_eq!(sums.totals(), (135, 30), "nothing was sent in its new role");
    }
}
