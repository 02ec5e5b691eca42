//! Requests to the tracker's control socket, and its answers.

use std::time::Duration;

use anyhow::{Context, bail};
use bt::messages::control::{Answer, Request};
use tokio::time::timeout;
use zeromq::{DealerSocket, Socket, SocketRecv, SocketSend};

use crate::error::Error;

/// Longest wait for a connection. Callers of [`Control::open`] try again by themselves: the pauses between the
/// library's own attempts grow to 30 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to the control socket. After any error a new one must be opened.
pub(super) struct Control {
    pub(super) socket: DealerSocket,
    /// The number of the latest request.
    id: u64,
}

impl Control {
    /// Connects. The error does not name the endpoint.
    pub(super) async fn open(endpoint: &str) -> anyhow::Result<Self> {
        let mut socket = DealerSocket::new();
        connect(&mut socket, endpoint).await?;
        Ok(Self { socket, id: 0 })
    }

    /// Sends a request and returns its number.
    pub(super) async fn send(&mut self, request: &Request) -> anyhow::Result<u64> {
        self.id += 1;
        let frames = request.encode(self.id).into_iter().map(Into::into);
        self.socket.send(infra::mq::message(frames)?).await?;
        Ok(self.id)
    }

    /// Sends a request and waits for its answer; answers to earlier requests are skipped.
    pub(super) async fn ask(&mut self, request: &Request) -> anyhow::Result<Answer> {
        let id = self.send(request).await?;
        loop {
            let message = self.socket.recv().await?;
            match Answer::decode(&message.into_vec())? {
                (_, Answer::Error(sentence)) => bail!("the tracker refused the request: {sentence}"),
                (answered, answer) if answered == id => return Ok(answer),
                _ => {}
            }
        }
    }
}

/// Connects `socket` within [`CONNECT_TIMEOUT`]. The error does not name the endpoint.
pub(super) async fn connect(socket: &mut impl Socket, endpoint: &str) -> anyhow::Result<()> {
    timeout(CONNECT_TIMEOUT, socket.connect(endpoint))
        .await
        .context("the tracker's socket does not accept a connection")??;
    Ok(())
}

/// Asks the tracker over a new connection and waits no longer than `limit`. `read` takes the data out of the answer;
/// it returns `None` for an answer to another kind of request.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time or refuses the request.
pub(super) async fn ask<T>(
    endpoint: &str,
    request: &Request,
    limit: Duration,
    read: impl FnOnce(Answer) -> Option<T>,
) -> Result<T, Error> {
    let exchange = async { Control::open(endpoint).await?.ask(request).await };
    match timeout(limit, exchange).await {
        Ok(Ok(answer)) => read(answer).ok_or_else(|| {
            tracing::warn!(
                ?request,
                "the tracker answered another request; tracker and webapi must be of one version"
            );
            Error::Unavailable("tracker")
        }),
        Ok(Err(error)) => {
            tracing::warn!(cause = format!("{error:#}"), ?request, "the tracker did not answer a request");
            Err(Error::Unavailable("tracker"))
        }
        Err(_) => Err(Error::Unavailable("tracker")),
    }
}
