//! Why a request is refused, in the words that the member reads in a client.

use bt::announce::{Failure, Retry};
use bt::messages::control::Verdict;
use bt::{ClientPrefix, announce, route, scrape, udp_tracker};

/// Minutes until a client tries again after a fault on the tracker's side.
const RETRY_MINUTES: u32 = 2;

/// Why an announce or scrape is refused: a sentence for `failure reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Route(#[from] route::Error),
    #[error(transparent)]
    Announce(#[from] announce::Error),
    #[error(transparent)]
    Scrape(#[from] scrape::Error),
    #[error(transparent)]
    Udp(#[from] udp_tracker::Error),
    #[error("The passkey in the announce URL is not valid; download the torrent again, signed in")]
    Passkey,
    #[error("The passkey in the announce URL belongs to a disabled account; ask the staff")]
    Disabled,
    /// Tools delete a torrent's content at these words: to be said only of what the database does not have.
    #[error("Unregistered torrent; it was deleted, or never uploaded here")]
    Unregistered,
    #[error("The client {} is not allowed on this tracker; use another client or version, or ask the staff which", name(*.0))]
    Client(ClientPrefix),
    #[error(
        "Too many announces of your clients; the next one is answered in {minutes} min. Run fewer torrents at once, and \
         no client or tool that announces by itself in between"
    )]
    TooOften {
        /// Minutes until the client may try again, at least 1.
        minutes: u32,
    },
    #[error("Tracker unavailable, the request cannot be checked at the moment; it will be tried again")]
    Unavailable,
}

impl Refusal {
    /// Appends the bencoded refusal.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        let retry = match self {
            Self::Unavailable => Retry::Minutes(RETRY_MINUTES),
            Self::TooOften { minutes } => Retry::Minutes(minutes),
            _ => Retry::Unsaid,
        };
        Failure { reason: &self.to_string(), retry }.encode(out);
    }

    /// The verdict under which the refusal is counted and shown.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Route(route::Error::Elsewhere) => Verdict::Elsewhere,
            Self::Route(route::Error::KeyMissing) | Self::Passkey => Verdict::WrongKey,
            Self::Announce(announce::Error::Port)
            | Self::Udp(udp_tracker::Error::Announce(announce::Error::Port)) => Verdict::Port,
            Self::Announce(_) | Self::Scrape(_) | Self::Udp(_) => Verdict::Malformed,
            Self::Disabled => Verdict::Disabled,
            Self::Unregistered => Verdict::Unregistered,
            Self::Client(_) => Verdict::ClientDenied,
            Self::TooOften { .. } => Verdict::TooOften,
            Self::Unavailable => Verdict::Unavailable,
        }
    }
}

/// The client prefix with `?` for each byte that cannot be shown.
fn name(client: ClientPrefix) -> String {
    let readable = |byte: u8| if byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    client.into_iter().map(readable).collect()
}
