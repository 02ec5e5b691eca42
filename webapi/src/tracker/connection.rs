//! Follows the tracker's counts over its two sockets, which are opened anew after any error.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::messages::control::{Answer, Request};
use bt::messages::counts;
use infra::config::Zeromq;
use infra::shutdown::Shutdown;
use tokio::time::{Instant, sleep, timeout_at};
use zeromq::{Socket, SocketRecv, SubSocket, ZmqMessage};

use super::control::{Control, connect};
use super::sequence::{Sequence, Step};
use crate::live::Live;

/// The tracker sends a message every second. After this much silence the counts are forgotten.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(2500);

/// Longest wait for a snapshot.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(2);

/// Snapshots in a row that do not fit the published messages, after which the sockets are opened anew.
const MAX_SNAPSHOTS: u64 = 20;

/// Wait before the sockets are opened anew.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Follows the tracker until the process stops. Of several errors in a row the first is logged.
pub(super) async fn keep(live: &Live, zeromq: &Zeromq, shutdown: &Shutdown) {
    let mut quiet = false;
    loop {
        let mut heard = false;
        let fault = tokio::select! {
            fault = follow(live, zeromq, &mut heard) => fault,
            () = shutdown.requested() => return,
        };
        live.lose();
        if let Err(fault) = fault
            && (heard || !quiet)
        {
            tracing::warn!(cause = format!("{fault:#}"), "the tracker's counts are not heard; trying again");
        }
        quiet = true;
        tokio::select! {
            () = sleep(RETRY_DELAY) => {}
            () = shutdown.requested() => return,
        }
    }
}

async fn follow(live: &Live, zeromq: &Zeromq, heard: &mut bool) -> anyhow::Result<Infallible> {
    let mut sub = SubSocket::new();
    connect(&mut sub, &zeromq.counts).await?;
    sub.subscribe("counts").await?;
    let mut control = Control::open(&zeromq.control).await?;

    let mut sequence = Sequence::default();
    let mut snapshots = 1;
    let mut awaited = Some(control.send(&Request::Snapshot).await?);
    let mut asked = Instant::now();
    let mut silent = Instant::now() + SILENCE_TIMEOUT;
    loop {
        let deadline = if sequence.is_waiting() { silent.min(asked + SNAPSHOT_TIMEOUT) } else { silent };
        let received = timeout_at(deadline, async {
            tokio::select! {
                message = sub.recv() => message.map(Received::Counts),
                answer = control.socket.recv() => answer.map(Received::Answer),
            }
        });
        let step = match received.await.context("the tracker is silent")?? {
            Received::Counts(message) => {
                silent = Instant::now() + SILENCE_TIMEOUT;
                let (position, records) = counts::decode(&message.into_vec())?;
                sequence.message(position, records)
            }
            Received::Answer(message) => match Answer::decode(&message.into_vec())? {
                (id, _) if awaited != Some(id) => Step::Nothing,
                (_, Answer::Snapshot { position, records }) => {
                    let step = sequence.snapshot(position);
                    if !sequence.is_waiting() {
                        live.replace(records);
                        announce(heard);
                        awaited = None;
                        snapshots = 0;
                    }
                    step
                }
                (_, Answer::Error(sentence)) => bail!("the tracker refused a snapshot: {sentence}"),
                _ => bail!("the tracker answered another request"),
            },
        };
        match step {
            Step::Change(records) => live.change(records),
            Step::Nothing => {}
            Step::Ask if snapshots >= MAX_SNAPSHOTS => bail!("no snapshot fits what the tracker publishes"),
            Step::Ask => {
                live.lose();
                snapshots += 1;
                awaited = Some(control.send(&Request::Snapshot).await?);
                asked = Instant::now();
            }
        }
    }
}

enum Received {
    Counts(ZmqMessage),
    Answer(ZmqMessage),
}

fn announce(heard: &mut bool) {
    if !*heard {
        tracing::info!("the tracker's counts are heard");
    }
    *heard = true;
}
