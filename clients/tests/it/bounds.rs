//! Servers that answer without end, or not at all.

use std::net::Ipv4Addr;

use clients::{Endpoint, Error, Program, Remote};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PROGRAMS: [(Program, &str); 4] = [
    (Program::Transmission, "http"),
    (Program::Qbittorrent, "http"),
    (Program::Rtorrent, "http"),
    (Program::Rtorrent, "scgi"),
];

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

fn remote(program: Program, scheme: &str, port: u16) -> Box<dyn Remote> {
    let endpoint = Endpoint::new(&format!("{scheme}://127.0.0.1:{port}"), "", "").expect("an endpoint");
    program.connect(endpoint).expect("a remote control")
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
                let spaces = vec![b' '; 64 << 10];
                while stream.write_all(&spaces).await.is_ok() {}
            });
        }
    });
    for (program, scheme) in PROGRAMS {
        let error = remote(program, scheme, port).torrents().await.expect_err("given up");
        assert!(matches!(error, Error::TooLong), "{program:?}: {error}");
    }
}

/// The clock runs ahead to the next timeout while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let (listener, port) = listen().await;
    for (program, scheme) in PROGRAMS {
        let error = remote(program, scheme, port).torrents().await.expect_err("given up");
        assert!(matches!(error, Error::TimedOut), "{program:?}: {error}");
    }
    drop(listener);
}

#[tokio::test]
async fn nobody_who_listens_is_said_without_the_url() {
    let (listener, port) = listen().await;
    drop(listener);
    for (program, scheme) in PROGRAMS {
        let error = remote(program, scheme, port).torrents().await.expect_err("nobody there");
        assert!(matches!(error, Error::Unreachable(_)), "{program:?}: {error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
}
