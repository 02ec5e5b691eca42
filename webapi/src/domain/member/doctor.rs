//! The announce doctor: how the tracker answered a member's latest announces, in plain words and with what to do.

use std::collections::HashMap;

use bt::announce::Event;
use bt::messages::control::{Connection, Decision, Protocol, Verdict};
use deadpool_postgres::GenericClient;

use crate::db;
use crate::domain::client_name;
use crate::error::Error;
use crate::id::TorrentId;

/// One announce or scrape of a member's clients.
#[derive(Debug)]
pub struct Finding {
    /// Seconds since then.
    pub age: u32,
    /// The torrent's id and title; `None` where the site does not have it.
    pub torrent: Option<(TorrentId, String)>,
    /// The client's name and version; `None` where the tracker refused the announce before it read them.
    pub client: Option<String>,
    /// `http`, `https` or `udp`.
    pub protocol: Protocol,
    /// `IPv4` or `IPv6`.
    pub family: &'static str,
    /// The event that the client sent.
    pub event: Event,
    /// What the tracker answered.
    pub verdict: Verdict,
    /// How many peers the answer held, IPv4 and IPv6 together.
    pub peers: u32,
}

/// What the tracker decided on a member's announces, in the same order, with the titles of torrents from the database.
pub async fn findings(client: &impl GenericClient, decisions: Vec<Decision>) -> Result<Vec<Finding>, Error> {
    let mut ids: Vec<TorrentId> =
        decisions.iter().filter_map(|it| TorrentId::from_unsigned(it.torrent)).collect();
    ids.sort_unstable();
    ids.dedup();
    let titles = db::catalogue::torrent::titles_by_id(client, &ids).await?;
    let titles: HashMap<TorrentId, String> = titles.into_iter().collect();
    Ok(decisions.into_iter().map(|it| Finding::new(&it, &titles)).collect())
}

/// Whether the tracker could connect to a member's client, as other peers would.
#[derive(Debug)]
pub struct Reachability {
    /// Seconds since it was tried.
    pub age: u32,
    /// The client's name and version.
    pub client: String,
    /// The TCP port that the client says it listens on.
    pub port: u16,
    /// `IPv4` or `IPv6`.
    pub family: &'static str,
    /// Whether the client accepted the connection.
    pub reachable: bool,
}

impl From<Connection> for Reachability {
    fn from(tried: Connection) -> Self {
        let Connection { age, client, port, ipv6, reachable } = tried;
        Self { age, client: client_name::of(&client), port, family: family(ipv6), reachable }
    }
}

impl Reachability {
    /// What the tracker saw, in one sentence.
    pub fn sentence(&self) -> String {
        let Self { port, family, .. } = self;
        if self.reachable {
            format!("Others can connect to it: TCP port {port} over {family} is open.")
        } else {
            format!("Nobody could connect to it: TCP port {port} over {family} did not answer.")
        }
    }

    /// What the member can do about it; `None` where nothing need be done.
    pub fn fix(&self) -> Option<&'static str> {
        (!self.reachable).then_some(
            "It trades only with peers that it connects to itself. Open the port in your computer's firewall and forward \
             it in your router, or turn on UPnP in the client; behind a VPN, use the port that the VPN forwards to you.",
        )
    }
}

fn family(ipv6: bool) -> &'static str {
    if ipv6 { "IPv6" } else { "IPv4" }
}

impl Finding {
    fn new(decision: &Decision, titles: &HashMap<TorrentId, String>) -> Self {
        let Decision { age, torrent, client, v4, v6, verdict, protocol, ipv6, event } = *decision;
        Self {
            age,
            torrent: TorrentId::from_unsigned(torrent)
                .and_then(|id| titles.get(&id).map(|title| (id, title.clone()))),
            client: (client != [0; 8]).then(|| client_name::of(&client)),
            protocol,
            family: family(ipv6),
            event,
            verdict,
            peers: u32::from(v4) + u32::from(v6),
        }
    }

    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self.verdict {
            Verdict::Answered => match (self.event, self.peers) {
                (Event::Stopped, _) => "Your client left the torrent.".to_owned(),
                (_, 0) => "All is well; the tracker knows nobody else at this torrent.".to_owned(),
                (_, 1) => "All is well; your client was told of 1 peer.".to_owned(),
                (_, peers) => format!("All is well; your client was told of {peers} peers."),
            },
            Verdict::Scraped => "Your client asked how many peers torrents have.".to_owned(),
            Verdict::OtherTorrent => "Your client sent the key of another torrent.".to_owned(),
            Verdict::OldKey => "Your client sent a key from before you reset it.".to_owned(),
            Verdict::Unregistered => {
                "The torrent is not on this site: it was deleted, or never uploaded.".to_owned()
            }
            Verdict::Disabled => "Your account is disabled.".to_owned(),
            Verdict::ClientDenied => match &self.client {
                Some(client) => format!("{client} is not allowed here."),
                None => "Your client is not allowed here.".to_owned(),
            },
            Verdict::TooOften => "Your clients announce more often than is allowed.".to_owned(),
            Verdict::Port => "Your client says that it listens on no port.".to_owned(),
            Verdict::Malformed => "The announce could not be read.".to_owned(),
            Verdict::Unavailable => "The tracker could not check the announce at that moment.".to_owned(),
            Verdict::WrongKey => "The key was not valid.".to_owned(),
            Verdict::Elsewhere => "The address is not one of the tracker's.".to_owned(),
        }
    }

    /// What the member can do about it; `None` where nothing need be done.
    pub fn fix(&self) -> Option<&'static str> {
        match self.verdict {
            Verdict::Answered | Verdict::Scraped => None,
            Verdict::OtherTorrent => Some(
                "Download the .torrent of this torrent again and add it to your client, or copy the announce URL of \
                 your account into the torrent's trackers. Do not copy tracker URLs from one torrent to another.",
            ),
            Verdict::OldKey | Verdict::WrongKey => Some(
                "Download the .torrent again and add it to your client, or replace the tracker URL there by the announce \
                 URL of your account.",
            ),
            Verdict::Unregistered => {
                Some("Remove it from your client, or upload it here if it is yours to share.")
            }
            Verdict::Disabled => Some("Ask the staff."),
            Verdict::ClientDenied => {
                Some("Use another client or another version of it. The staff can tell you which are allowed.")
            }
            Verdict::TooOften => Some(
                "Pause some torrents, and turn off tools that announce by themselves. Your client tries again when the \
                 tracker lets it.",
            ),
            Verdict::Port => {
                Some("Set a listening port from 1 to 65535 in your client's connection settings.")
            }
            Verdict::Malformed => Some(
                "Update your client. If it is a tool of your own, its answer from the tracker says what is missing.",
            ),
            Verdict::Unavailable => Some("Nothing: your client tries again by itself."),
            Verdict::Elsewhere => {
                Some("Replace the tracker URL in your client by the announce URL of your account.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bt::messages::control::VERDICTS;

    use super::*;

    fn finding(verdict: Verdict, event: Event, peers: u16) -> Finding {
        let decision = Decision {
            age: 5,
            torrent: 3,
            client: *b"-qB5040-",
            v4: peers,
            v6: 0,
            verdict,
            protocol: Protocol::Http,
            ipv6: true,
            event,
        };
        Finding::new(&decision, &HashMap::from([(TorrentId(3), "alder".to_owned())]))
    }

    #[test]
    fn every_refusal_has_a_sentence_and_a_fix() {
        for verdict in VERDICTS {
            let finding = finding(verdict, Event::None, 2);
            assert!(finding.sentence().ends_with('.'), "{verdict:?}");
            assert_eq!(finding.fix().is_none(), verdict.is_success(), "{verdict:?}");
        }
    }

    #[test]
    fn a_client_that_nobody_can_connect_to_has_a_fix() {
        let tried = |reachable| {
            Reachability::from(Connection {
                age: 5,
                client: *b"-qB5040-",
                port: 6881,
                ipv6: false,
                reachable,
            })
        };
        assert_eq!(tried(true).fix(), None);
        assert!(tried(true).sentence().contains("TCP port 6881 over IPv4 is open"));
        assert!(tried(false).fix().is_some());
    }

    #[test]
    fn the_words_fit_what_happened() {
        assert!(finding(Verdict::Answered, Event::None, 0).sentence().contains("nobody else"));
        assert!(finding(Verdict::Answered, Event::None, 1).sentence().contains("1 peer."));
        assert!(finding(Verdict::Answered, Event::Stopped, 0).sentence().contains("left"));
        let denied = finding(Verdict::ClientDenied, Event::Started, 0);
        assert_eq!(denied.sentence(), "qBittorrent 5.0.4 is not allowed here.");
        assert_eq!((denied.family, denied.torrent), ("IPv6", Some((TorrentId(3), "alder".to_owned()))));
    }
}
