//! Announces over HTTPS, a new connection for each: `tls_load ADDR:PORT` prints how many were answered in a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};

#[derive(Parser)]
struct Arguments {
    /// The tracker, or what stands before it
    address: SocketAddr,
    /// Request targets, one a line
    #[arg(long)]
    targets: PathBuf,
    /// The server's certificate, PEM, for `localhost`
    #[arg(long)]
    certificate: PathBuf,
    /// Seconds to go on for
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections at the same time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Comes back with the tickets that the server gave
    #[arg(long)]
    resume: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arc::new(Arguments::parse());
    let targets =
        std::fs::read_to_string(&arguments.targets).context("cannot read the file of request targets")?;
    let targets: Arc<Vec<String>> = Arc::new(targets.lines().map(str::to_owned).collect());
    let mut roots = RootCertStore::empty();
    roots.add(
        CertificateDer::from_pem_file(&arguments.certificate)
            .context("cannot read the server's certificate")?,
    )?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let resumed = Arc::new(AtomicUsize::new(0));
    let mut threads = Vec::new();
    for number in 0..arguments.connections {
        let (arguments, targets, resumed) =
            (Arc::clone(&arguments), Arc::clone(&targets), Arc::clone(&resumed));
        let mut config = config.clone();
        // Each thread is a client of its own.
        config.resumption =
            if arguments.resume { Resumption::in_memory_sessions(8) } else { Resumption::disabled() };
        threads.push(thread::spawn(move || -> anyhow::Result<usize> {
            let config = Arc::new(config);
            let mut done = 0;
            while Instant::now() < end {
                let target = &targets[(number * 7919 + done) % targets.len()];
                let kind = announce(&config, arguments.address, target)?;
                resumed.fetch_add(usize::from(kind == Some(HandshakeKind::Resumed)), Relaxed);
                done += 1;
            }
            Ok(done)
        }));
    }
    let mut all = 0;
    for thread in threads {
        all += thread.join().map_err(|_| anyhow::anyhow!("a thread ended in a panic"))??;
    }
    println!("{all} announces, {} resumed", resumed.load(Relaxed));
    Ok(())
}

fn announce(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    target: &str,
) -> anyhow::Result<Option<HandshakeKind>> {
    let session = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(session, socket);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    // nginx may end without close_notify.
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    ensure!(text.contains("8:interval"), "refused: {text}");
    Ok(stream.conn.handshake_kind())
}
