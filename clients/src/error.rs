//! What can go wrong between a client and us.

use std::error::Error as _;
use std::io;

/// Why a client did not do what it was asked. Sentences without URLs and passwords.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The [`Endpoint`](crate::Endpoint) cannot be used.
    #[error("{0}")]
    Url(String),
    /// No connection could be made, or it broke.
    #[error("the client cannot be reached: {0}")]
    Unreachable(String),
    /// No whole answer came in time.
    #[error("the client did not answer in time")]
    TimedOut,
    /// User name and password are not the client's.
    #[error("the client refuses user name and password")]
    Unauthorized,
    /// The client refuses the address or host name that it is asked by, or too many wrong passwords came before.
    #[error("the client refuses requests: {0}")]
    Forbidden(&'static str),
    /// An answer of more than 32 MiB.
    #[error("the client's answer is too long")]
    TooLong,
    /// An HTTP status that says nothing more.
    #[error("the client answers with HTTP status {0}")]
    Status(u16),
    /// An answer that is not in the program's protocol.
    #[error("the client's answer cannot be read: {0}")]
    Unreadable(String),
    /// The program refuses, in its own words.
    #[error("the client says: {0}")]
    Refused(String),
    /// The program took a torrent and did not list it within 10 s.
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
        // Its own words name the URL; those of its cause do not.
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
