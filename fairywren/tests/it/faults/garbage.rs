//! Connections full of what is no announce, beside clients that do announce.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::figures::{Figures, rate, stretch};
use super::installation::Installation;
use super::load::{ConnectionUse, Load, announce_once};

const CONNECTIONS: usize = 64;

/// A garbage connection that the tracker leaves open is closed after so many pieces.
const PIECES: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_at_full_rate_fails_no_announce() {
    let rate = rate(300, 1000);
    let site = Installation::start(&json!({}));
    let peers = site.populate(100, 50, 1000).await;
    let first = announce_once(site.tracker, peers).await;
    first.expect_each_answered();
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicUsize::new(0));
    let dirt: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (tracker, stop, sent) = (site.tracker, Arc::clone(&stop), Arc::clone(&sent));
            thread::spawn(move || litter(tracker, number, &stop, &sent))
        })
        .collect();
    let load = Load::start(site.tracker, first.peers, rate, 32, ConnectionUse::Kept);
    load.made(stretch(rate)).await;
    let tally = load.finish().await;
    stop.store(true, Ordering::Relaxed);
    for thread in dirt {
        thread.join().expect("a thread does not panic");
    }
    let mut figures = Figures::of("garbage");
    figures.note("connections of garbage begun", sent.load(Ordering::Relaxed));
    figures.load(&tally, Some(Duration::from_millis(5)));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    figures.finish();
}

/// Sends garbage on one connection after the other.
fn litter(tracker: SocketAddr, number: usize, stop: &AtomicBool, sent: &AtomicUsize) {
    // Its own priority is the lowest: a machine that is busy making garbage shall not slow the clients down.
    lower_priority();
    let mut state = number as u64 + 1;
    for kind in (number..).map(|it| it % KINDS) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = TcpStream::connect(tracker) else { continue };
        sent.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
        let _ = stream.set_nonblocking(false);
        for _ in 0..PIECES {
            if stop.load(Ordering::Relaxed) || stream.write_all(&piece(kind, &mut state)).is_err() {
                break;
            }
            // What is answered is taken, or the tracker would wait for that.
            let _ = stream.set_read_timeout(Some(Duration::from_micros(1)));
            if matches!(stream.read(&mut [0; 4096]), Ok(0)) {
                break;
            }
        }
    }
}

const KINDS: usize = 7;

fn piece(kind: usize, state: &mut u64) -> Vec<u8> {
    let mut noise = |length: usize| -> Vec<u8> {
        let next = || {
            // Xorshift: no need of more.
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            state.to_le_bytes()[0]
        };
        std::iter::repeat_with(next).take(length).collect()
    };
    match kind {
        0 => noise(4096),
        1 => b"GET / HTTP/9.9\r\n\r\nPUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
        2 => [b"GET /announce HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 16 << 10]].concat(),
        // The beginning of a TLS handshake.
        3 => [vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], noise(500)].concat(),
        4 => b"GET /announce/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/announce?info_hash=".to_vec(),
        5 => [
            b"GET /announce/".to_vec(),
            noise(40),
            b"/announce?info_hash=%zz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        ]
        .concat(),
        _ => b"POST /announce HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"
            .to_vec(),
    }
}

fn lower_priority() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
}
