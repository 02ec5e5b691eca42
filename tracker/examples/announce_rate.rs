//! How long announces take at a constant rate: `announce_rate ADDR:PORT --rate N` repeats the request targets of a
//! file.
//!
//! An announce is due at its time whether or not those before it were answered, and its latency counts from then: a
//! server that falls behind shows. The loop never sleeps, so it wants a core of its own.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

#[derive(Parser)]
struct Arguments {
    /// The tracker
    address: SocketAddr,
    /// Request targets, one a line
    #[arg(long)]
    targets: PathBuf,
    /// Announces a second
    #[arg(long)]
    rate: u32,
    /// Seconds to go on for
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Connections that are kept
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// A connection for each announce instead
    #[arg(long)]
    close: bool,
}

/// An announce that waits for its answer.
struct Pending {
    stream: TcpStream,
    request: String,
    due: Instant,
    sent: bool,
    answer: Vec<u8>,
}

struct Generator {
    arguments: Arguments,
    poll: Poll,
    pending: Vec<Option<Pending>>,
    idle: Vec<(usize, TcpStream)>,
    free: Vec<usize>,
    latencies: Vec<Duration>,
}

impl Generator {
    fn start(&mut self, due: Instant, target: &str) -> anyhow::Result<bool> {
        let close = if self.arguments.close { "Connection: close\r\n" } else { "" };
        let request = format!("GET {target} HTTP/1.1\r\nHost: bench\r\n{close}\r\n");
        let (at, stream) = if let Some(idle) = self.idle.pop() {
            idle
        } else if let Some(at) = self.free.pop() {
            let mut stream = TcpStream::connect(self.arguments.address)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(at), interest)?;
            (at, stream)
        } else {
            return Ok(false);
        };
        self.pending[at] = Some(Pending { stream, request, due, sent: false, answer: Vec::new() });
        self.go_on(at)?;
        Ok(true)
    }

    fn go_on(&mut self, at: usize) -> anyhow::Result<()> {
        let Some(mut pending) = self.pending[at].take() else { return Ok(()) };
        if !pending.sent {
            match pending.stream.write(pending.request.as_bytes()) {
                Ok(count) => pending.sent = count == pending.request.len(),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
                Err(error) => return Err(error).context("cannot send an announce"),
            }
        }
        let mut chunk = [0; 4096];
        loop {
            match pending.stream.read(&mut chunk) {
                Ok(0) => break self.finish(at, pending, true),
                Ok(count) => pending.answer.extend_from_slice(&chunk[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    if !self.arguments.close && is_whole(&pending.answer) {
                        break self.finish(at, pending, false);
                    }
                    self.pending[at] = Some(pending);
                    break Ok(());
                }
                Err(error) => break Err(error).context("cannot read the answer to an announce"),
            }
        }
    }

    fn finish(&mut self, at: usize, pending: Pending, ended: bool) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(&pending.answer);
        ensure!(text.contains("8:interval"), "refused: {text}");
        self.latencies.push(pending.due.elapsed());
        if ended {
            self.free.push(at);
        } else {
            self.idle.push((at, pending.stream));
        }
        Ok(())
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Ok(head) = std::str::from_utf8(&answer[..answer.len().min(200)])
        .or_else(|error| std::str::from_utf8(&answer[..error.valid_up_to()]))
    else {
        return false;
    };
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    match (length.and_then(|length| length.parse::<usize>().ok()), head.find("\r\n\r\n")) {
        (Some(length), Some(at)) => answer.len() >= at + 4 + length,
        _ => false,
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let targets =
        std::fs::read_to_string(&arguments.targets).context("cannot read the file of request targets")?;
    let mut targets = targets.lines().cycle();
    let places = if arguments.close { 4096 } else { arguments.connections };
    let all = arguments.rate * arguments.seconds;
    let gap = Duration::from_secs(1) / arguments.rate;
    let mut generator = Generator {
        arguments,
        poll: Poll::new()?,
        pending: (0..places).map(|_| None).collect(),
        idle: Vec::new(),
        free: (0..places).collect(),
        latencies: Vec::new(),
    };
    let mut events = Events::with_capacity(1024);
    let mut waiting = VecDeque::new();
    let begun = Instant::now();
    let mut made = 0;
    while generator.latencies.len() < all as usize {
        while made < all && begun.elapsed() >= gap * made {
            waiting.push_back((
                begun + gap * made,
                targets.next().context("the file of request targets is empty")?,
            ));
            made += 1;
        }
        while let Some((due, target)) = waiting.front() {
            if !generator.start(*due, target)? {
                break;
            }
            waiting.pop_front();
        }
        generator.poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            generator.go_on(event.token().0)?;
        }
    }
    let mut latencies = generator.latencies;
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 1000].as_secs_f64() * 1000.0;
    println!("p50 {:.3} p99 {:.3} p99.9 {:.3} max {:.3} ms", at(500), at(990), at(999), at(1000));
    Ok(())
}
