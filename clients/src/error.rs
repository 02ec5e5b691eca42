//! Errors of requests to clients.

use std::error::Error as _;
use std::io;

/// Why a request to a client failed. The messages contain no URLs and no passwords.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The [`Endpoint`](crate::Endpoint) cannot be used.
    #[error("{0}")]
    Url(String),
    /// No connection could be made, or it ended early.
    #[error("the client cannot be reached: {0}")]
    Unreachable(String),
    /// No complete answer came in time.
    #[error("the client did not answer in time")]
    TimedOut,
    /// The client does not accept user name and password.
    #[error("the client refuses user name and password")]
    Unauthorized,
    /// The client refuses our address or the host name in the URL, or too many wrong passwords were sent before.
    #[error("the client refuses requests: {0}")]
    Forbidden(&'static str),
    /// An answer of more than 32 MiB.
    #[error("the client's answer is too long")]
    TooLong,
    /// An HTTP status without further meaning in the program's protocol.
    #[error("the client answers with HTTP status {0}")]
    Status(u16),
    /// An answer that is not in the program's protocol.
    #[error("the client's answer cannot be read: {0}")]
    Unreadable(String),
    /// The program refuses the request; holds its own message.
    #[error("the client says: {0}")]
    Refused(String),
    /// The program accepted a torrent but did not list it within 10 s.
    #[error("the client does not list the torrent that it was given")]
    NotListed,
    /// The metainfo cannot be read.
    #[error("this is no torrent: {0}")]
    Metainfo(#[from] bt::metainfo::Error),
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        // reqwest's own message contains the URL; that of its cause does not.
        let error = error.without_url();
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = error.to_string();
            cause = error.source();
        }
        Self::Unreachable(words)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
