//! Announces over HTTPS, with rustls as the client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use serde_json::json;

use crate::harness::{Connection, TEST_TIMEOUT, Tracker, TrackerRig, eventually};

/// A tracker with a certificate of its own.
struct Sealed {
    rig: TrackerRig,
    tracker: Tracker,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    /// The target of an announce that succeeds.
    target: String,
}

struct Heard {
    text: String,
    handshake: Option<HandshakeKind>,
    protocol: Option<Vec<u8>>,
}

impl Sealed {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut TrackerRig)) -> Self {
        let mut rig = TrackerRig::new().await;
        let address = free_address();
        rig.config["tracker"]["tlsListen"] = json!([address]);
        change(&mut rig);
        let (certificate, key) = files(&mut rig);
        let made = make_certificate();
        write_pair(&made, &certificate, &key);
        let member = rig.member("robin").await;
        let hash = rig.torrent(1).await;
        let tracker = rig.start().await;
        let target = tracker.client(member, 1).on(hash).target();
        Self { rig, tracker, address, certificate: made.cert.der().clone(), target }
    }

    fn request(&self, headers: &str) -> String {
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n", self.target)
    }

    /// A client that trusts the first certificate, and keeps tickets.
    fn client(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn connect(&self, client: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::clone(client), name).expect("a session");
        let socket = TcpStream::connect(self.address).expect("connected");
        socket.set_read_timeout(Some(TEST_TIMEOUT)).expect("a time-out");
        StreamOwned::new(session, socket)
    }

    /// Sends `request` and reads until the tracker closes the session.
    fn ask(&self, client: &Arc<ClientConfig>, request: &str) -> std::io::Result<Heard> {
        let mut stream = self.connect(client);
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(Heard {
            text: String::from_utf8_lossy(&answer).into_owned(),
            handshake: stream.conn.handshake_kind(),
            protocol: stream.conn.alpn_protocol().map(<[u8]>::to_vec),
        })
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        let file = |key: &str| PathBuf::from(self.rig.config["tracker"][key].as_str().expect("a path"));
        (file("tlsCertificate"), file("tlsKey"))
    }
}

/// Paths at which the tracker of `rig` reads certificate and key.
fn files(rig: &mut TrackerRig) -> (PathBuf, PathBuf) {
    let (certificate, key) = (rig.folder.path().join("certificate.pem"), rig.folder.path().join("key.pem"));
    rig.config["tracker"]["tlsCertificate"] = json!(certificate);
    rig.config["tracker"]["tlsKey"] = json!(key);
    (certificate, key)
}

/// A port that stays free: nobody else's addresses begin with 127 and the number of this process.
fn free_address() -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, 1 + high % 254, low, 2], 0));
    TcpListener::bind(address).and_then(|it| it.local_addr()).expect("an address")
}

fn make_certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate")
}

fn write_pair(made: &CertifiedKey<KeyPair>, certificate: &Path, key: &Path) {
    std::fs::write(key, made.signing_key.serialize_pem()).expect("a file");
    std::fs::write(certificate, made.cert.pem()).expect("a file");
}

#[tokio::test]
async fn a_client_announces_and_comes_back_with_its_ticket() {
    let sealed = Sealed::new().await;
    for version in [&TLS12, &TLS13] {
        let client = sealed.client(version);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let heard = sealed.ask(&client, &sealed.request("Connection: close\r\n")).expect("an answer");
            assert!(heard.text.contains("\r\n\r\nd8:complete"), "{}", heard.text);
            assert_eq!(heard.handshake, Some(expected), "{version:?}");
            assert_eq!(heard.protocol.as_deref(), Some(&b"http/1.1"[..]));
        }
    }
}

#[tokio::test]
async fn a_connection_serves_requests_at_once_and_one_after_the_other() {
    let sealed = Sealed::new().await;
    let request = sealed.request("");
    let together = [request.repeat(200), sealed.request("Connection: close\r\n")].concat();
    let heard = sealed.ask(&sealed.client(&TLS13), &together).expect("answers");
    assert_eq!(heard.text.matches("d8:complete").count(), 201);
    let mut stream = sealed.connect(&sealed.client(&TLS12));
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // The rest comes in the same record.
        let rest = stream.conn.reader().into_first_chunk().map_or(0, <[u8]>::len);
        stream.read_exact(&mut vec![0; rest]).expect("the rest");
    }
}

#[tokio::test]
async fn a_slow_tls_handshake_ends_the_connection() {
    let sealed = Sealed::with(|rig| rig.config["tracker"]["headerTimeoutSeconds"] = json!(1)).await;
    let mut slow = Connection::open(sealed.address).await;
    slow.send("\u{16}\u{3}\u{1}").await;
    let mut silent = Connection::open(sealed.address).await;
    assert!(slow.answer().await.is_none());
    assert!(silent.answer().await.is_none());
}

#[tokio::test]
async fn slow_clients_and_clients_without_tls_delay_nobody() {
    let sealed = Sealed::new().await;
    let mut slow = Connection::open(sealed.address).await;
    slow.send("\u{16}\u{3}\u{1}").await;
    let _silent = Connection::open(sealed.address).await;
    for garbage in [sealed.request(""), "\0".repeat(100_000), "\u{16}\u{3}\u{1}\u{0}\u{5}hello".to_owned()] {
        let mut connection = Connection::open(sealed.address).await;
        connection.send(&garbage).await;
        assert!(connection.answer().await.is_none());
        let heard = sealed.ask(&sealed.client(&TLS13), &sealed.request("Connection: close\r\n"));
        assert!(heard.expect("an answer").text.contains("d8:complete"));
    }
    assert!(
        Connection::open(sealed.tracker.v4).await.get(&sealed.target).await.text().starts_with("d8:complete")
    );
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let sealed = Sealed::new().await;
    let (certificate, key) = sealed.paths();
    let client = sealed.client(&TLS13);
    let request = sealed.request("Connection: close\r\n");
    std::fs::write(&key, make_certificate().signing_key.serialize_pem()).expect("a file");
    eventually("the broken pair is said", async || {
        sealed.tracker.log().contains("the new certificate cannot be used; the old one stays").then_some(())
    })
    .await;
    assert!(sealed.tracker.log().contains(key.to_str().expect("text")));
    assert!(sealed.ask(&client, &request).is_ok());
    let renewed = make_certificate();
    write_pair(&renewed, &certificate, &key);
    let strict = Sealed { certificate: renewed.cert.der().clone(), ..sealed };
    let client = strict.client(&TLS13);
    eventually("the new pair is used", async || strict.ask(&client, &request).ok()).await;
}

#[tokio::test]
async fn an_unusable_certificate_is_named_at_the_start() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["tlsListen"] = json!(["127.0.0.1:0"]);
    let (certificate, key) = files(&mut rig);
    let config = rig.config_file();
    let (one, other) = (make_certificate(), make_certificate());
    let (good, good_key) = (one.cert.pem(), one.signing_key.serialize_pem());
    for (chain, private, words) in [
        (None, None, "certificate.pem: No such file"),
        (Some(String::new()), None, "certificate.pem: expected PEM with a certificate"),
        (Some(good.clone()), None, "key.pem: No such file"),
        (Some(good.clone()), Some(good.clone()), "key.pem: expected PEM with one private key"),
        (Some(good), Some(other.signing_key.serialize_pem()), "key.pem cannot be used together"),
        (
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into()),
            Some(good_key),
            "cannot be used",
        ),
    ] {
        for (file, content) in [(&certificate, chain), (&key, private)] {
            let _ = std::fs::remove_file(file);
            if let Some(content) = content {
                std::fs::write(file, content).expect("a file");
            }
        }
        let output = Command::new(env!("CARGO_BIN_EXE_tracker")).arg(&config).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{words}: {said}");
        assert!(!said.contains("BEGIN"), "{said}");
    }
}
