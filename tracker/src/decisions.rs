//! What became of each member's latest announces, in memory only, for the member's announce doctor.

mod refused_keys;

use bt::ClientPrefix;
use bt::announce::Event;
use bt::messages::control::{Decision, Protocol, VERDICTS, Verdict, pack, unpack};

use crate::state::Tracker;
pub(crate) use refused_keys::{RefusedKeys, run as check_refused_keys};

impl Tracker {
    /// What became of a member's latest announces, the newest first.
    pub(crate) fn decisions(&self, member: u32) -> Vec<Decision> {
        let Some(record) = self.directory.record(member) else { return Vec::new() };
        let entries: Vec<StoredDecision> =
            record.with_decisions(|decisions| decisions.newest_first().collect());
        let now = self.clock.now();
        entries.into_iter().filter_map(|it| it.decision(now, self.swarms.prefix(it.client))).collect()
    }
}

/// Decisions kept for each member.
pub(crate) const KEPT: usize = 50;

/// Capacity of a list at first, doubled as needed: most members announce few torrents.
const FIRST_CAPACITY: usize = 4;

/// One decision, packed into 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredDecision {
    /// When the answer was made, in seconds of the tracker's clock.
    at: u32,
    /// The torrent's row; 0 where none is known.
    torrent: u32,
    /// The client's number in the table of prefixes.
    client: u16,
    /// IPv4 peers in the answer.
    v4: u16,
    /// IPv6 peers in the answer.
    v6: u16,
    /// Index into [`VERDICTS`].
    verdict: u8,
    /// The request's kind as [`pack`] writes it.
    kind: u8,
}

/// Over what a request came, and what event it announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKind {
    pub(crate) protocol: Protocol,
    pub(crate) ipv6: bool,
    pub(crate) event: Event,
}

/// The latest decisions of one member.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    /// A ring buffer of up to [`KEPT`].
    entries: Vec<StoredDecision>,
    /// Index of the next one to be overwritten.
    oldest: u8,
}

impl StoredDecision {
    pub(crate) fn new(at: u32, torrent: u32, client: u16, verdict: Verdict, kind: RequestKind) -> Self {
        let RequestKind { protocol, ipv6, event } = kind;
        Self { at, torrent, client, v4: 0, v6: 0, verdict: verdict as u8, kind: pack(protocol, ipv6, event) }
    }

    /// Notes how many peers the answer had.
    pub(crate) fn with_peers(self, v4: u16, v6: u16) -> Self {
        Self { v4, v6, ..self }
    }

    /// Unpacks it for the webapi at second `now`; `client` is the prefix that the client's number stands for.
    pub(crate) fn decision(self, now: u32, client: ClientPrefix) -> Option<Decision> {
        let Self { at, torrent, v4, v6, verdict, kind, .. } = self;
        let (protocol, ipv6, event) = unpack(kind)?;
        let verdict = *VERDICTS.get(usize::from(verdict))?;
        Some(Decision {
            age: now.saturating_sub(at),
            torrent,
            client,
            v4,
            v6,
            verdict,
            protocol,
            ipv6,
            event,
        })
    }
}

impl Decisions {
    pub(crate) fn push(&mut self, entry: StoredDecision) {
        let Self { entries, oldest } = self;
        if entries.len() < KEPT {
            if entries.len() == entries.capacity() {
                entries.reserve_exact(
                    entries.len().clamp(FIRST_CAPACITY, KEPT - entries.len().min(KEPT - FIRST_CAPACITY)),
                );
            }
            entries.push(entry);
            return;
        }
        if let Some(overwritten) = entries.get_mut(usize::from(*oldest)) {
            *overwritten = entry;
        }
        *oldest += 1;
        if usize::from(*oldest) >= KEPT {
            *oldest = 0;
        }
    }

    /// All that is kept, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = StoredDecision> + '_ {
        let (newer, older) = self.entries.split_at(usize::from(self.oldest).min(self.entries.len()));
        newer.iter().rev().chain(older.iter().rev()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u32) -> StoredDecision {
        let kind = RequestKind { protocol: Protocol::Udp, ipv6: true, event: Event::Started };
        StoredDecision::new(at, 7, 3, Verdict::TooOften, kind)
    }

    #[test]
    fn a_decision_takes_16_bytes_and_lists_reserve_no_more_than_is_kept() {
        assert_eq!(size_of::<StoredDecision>(), 16);
        let mut decisions = Decisions::default();
        for at in 0..1000 {
            decisions.push(entry(at));
            assert!(decisions.entries.capacity() <= KEPT.min(2 * decisions.entries.len().max(2)));
        }
    }

    #[test]
    fn the_latest_are_kept_and_the_newest_goes_first() {
        let mut decisions = Decisions::default();
        for count in 1..=3 * 50_u32 {
            decisions.push(entry(count));
            let kept: Vec<u32> = decisions.newest_first().map(|entry| entry.at).collect();
            let expected: Vec<u32> = (1..=count).rev().take(KEPT).collect();
            assert_eq!(kept, expected);
        }
    }

    #[test]
    fn a_decision_is_unpacked_as_it_was_stored() {
        let decision = entry(40).decision(100, *b"-qB5040-").expect("a decision");
        assert_eq!((decision.age, decision.torrent, decision.client), (60, 7, *b"-qB5040-"));
        assert_eq!((decision.verdict, decision.protocol), (Verdict::TooOften, Protocol::Udp));
        assert_eq!((decision.ipv6, decision.event), (true, Event::Started));
    }
}
