//! The two sockets to the tracker, opened anew at any fault.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::control::{Answer, Request};
use bt::counts;
use infra::config::Zeromq;
use infra::shutdown::Shutdown;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use zeromq::{DealerSocket, Socket, SocketRecv, SocketSend, SubSocket, ZmqMessage};

use super::follower::{Follower, Step};
use crate::live::Live;

/// A socket that is not there yet is tried again by [`keep`], not by the library, whose waits grow to 30 s.
const CONNECT: Duration = Duration::from_secs(1);

/// The tracker sends something every second. After this much silence nothing is known any more.
const SILENCE: Duration = Duration::from_millis(2500);

/// Wait for a snapshot.
const SNAPSHOT: Duration = Duration::from_secs(2);

/// Snapshots without a whole stream after which the sockets are opened anew.
const MAX_QUESTIONS: u64 = 20;

/// Wait before the sockets are opened anew.
const RETRY: Duration = Duration::from_millis(500);

/// Follows the tracker until the process stops. The first of several faults in a row is logged.
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
            () = sleep(RETRY) => {}
            () = shutdown.requested() => return,
        }
    }
}

async fn follow(live: &Live, zeromq: &Zeromq, heard: &mut bool) -> anyhow::Result<Infallible> {
    let mut sub = SubSocket::new();
    connect(&mut sub, &zeromq.counts).await?;
    sub.subscribe("counts").await?;
    let mut control = DealerSocket::new();
    connect(&mut control, &zeromq.control).await?;

    let mut follower = Follower::default();
    let mut question = 1;
    ask(&mut control, question).await?;
    let mut asked = Instant::now();
    let mut silent = Instant::now() + SILENCE;
    loop {
        let deadline = if follower.is_waiting() { silent.min(asked + SNAPSHOT) } else { silent };
        let received = timeout_at(deadline, async {
            tokio::select! {
                message = sub.recv() => message.map(Received::Counts),
                answer = control.recv() => answer.map(Received::Answer),
            }
        });
        let step = match received.await.context("the tracker is silent")?? {
            Received::Counts(message) => {
                silent = Instant::now() + SILENCE;
                let (position, records) = counts::decode(&message.into_vec())?;
                follower.message(position, records)
            }
            Received::Answer(message) => match Answer::decode(&message.into_vec())? {
                (id, _) if id != question => Step::Nothing,
                (_, Answer::Snapshot { position, records }) => {
                    let step = follower.snapshot(position);
                    if !follower.is_waiting() {
                        live.replace(records);
                        announce(heard);
                        question = 0;
                    }
                    step
                }
                (_, Answer::Error(sentence)) => bail!("the tracker refused a snapshot: {sentence}"),
                _ => bail!("the tracker answered another question"),
            },
        };
        match step {
            Step::Change(records) => live.change(records),
            Step::Nothing => {}
            Step::Ask if question >= MAX_QUESTIONS => bail!("no snapshot fits what the tracker publishes"),
            Step::Ask => {
                live.lose();
                question += 1;
                ask(&mut control, question).await?;
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

async fn ask(control: &mut DealerSocket, id: u64) -> anyhow::Result<()> {
    send(control, Request::Snapshot.encode(id)).await
}

/// Sends the frames of a question.
pub(super) async fn send(control: &mut DealerSocket, frames: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let message = infra::mq::message(frames.into_iter().map(Into::into))?;
    Ok(control.send(message).await?)
}

/// Connects within a bounded time; the error names no path.
pub(super) async fn connect(socket: &mut impl Socket, endpoint: &str) -> anyhow::Result<()> {
    timeout(CONNECT, socket.connect(endpoint)).await.context("the tracker's socket is not there")??;
    Ok(())
}
