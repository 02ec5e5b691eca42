//! Answers the webapi's questions on the ROUTER socket.

use std::sync::Arc;
use std::time::Duration;

use bt::messages::control::{Answer, Request};
use bytes::Bytes;
use infra::mq;
use infra::shutdown::Shutdown;
use tokio::time::{sleep, timeout};
use zeromq::{RouterSocket, SocketRecv, SocketSend};

use crate::state::Tracker;

/// How long an answer may wait for its receiver; it is dropped then, as other questions are waiting.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers questions until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, mut socket: RouterSocket, shutdown: Shutdown) {
    // Before that, answers would lack peers that are still in the restart file.
    tracker.directory.restored.wait_for_everything().await;
    loop {
        let received = tokio::select! {
            () = shutdown.requested() => return,
            received = socket.recv() => received,
        };
        let frames = match received {
            Ok(message) => message.into_vec(),
            Err(error) => {
                tracing::debug!(%error, "cannot receive a question of the webapi");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some((identity, question)) = frames.split_first() else { continue };
        let Some(answer) = answer(&tracker, question) else { continue };
        let answer = answer.into_iter().map(Bytes::from);
        let Ok(message) = mq::message(std::iter::once(identity.clone()).chain(answer)) else { continue };
        match timeout(SEND_TIMEOUT, socket.send(message)).await {
            Ok(Ok(())) => tracker.count_stream.answered.mark(tracker.clock.now()),
            Ok(Err(error)) => tracing::debug!(%error, "cannot send an answer to the webapi"),
            Err(_) => tracing::warn!("an answer to the webapi is dropped: nobody took it in time"),
        }
    }
}

/// The frames of the answer; `None` for a question without an id, which cannot be answered.
fn answer(tracker: &Tracker, question: &[Bytes]) -> Option<Vec<Vec<u8>>> {
    let (id, request) = match Request::decode(question) {
        Ok(request) => request,
        Err(error) => return Some(Answer::Error(error.to_string()).encode(error.id()?)),
    };
    let answer = match request {
        Request::Snapshot => {
            // The position first: the records may be newer than it, never older.
            let position = tracker.count_stream.position();
            Answer::Snapshot { position, records: tracker.swarms.snapshot() }
        }
        Request::Peers { info_hash, limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let (total, mut peers) = tracker.swarms.peers(info_hash, limit, tracker.clock.now());
            tracker.reachability.mark(&mut peers);
            Answer::Peers { total, peers }
        }
        Request::Reports { applied } => tracker.report_queue.answer(applied, tracker.clock),
        Request::Connections { member } => {
            Answer::Connections(tracker.reachability.of_member(member, tracker.clock.now()))
        }
        Request::Announces { member } => Answer::Announces(tracker.decisions(member)),
    };
    Some(answer.encode(id))
}
