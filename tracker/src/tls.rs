//! TLS for announces: one certificate and key from two files, read again when they change, and session tickets.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use infra::shutdown::Shutdown;
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

/// How often the files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Why TLS cannot be used: a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: expected PEM with a certificate, the server's first: {source}", file.display())]
    Certificate { file: PathBuf, source: pem::Error },
    #[error("{}: expected PEM with one private key without a password: {source}", file.display())]
    Key { file: PathBuf, source: pem::Error },
    #[error("the certificate {} and the key {} cannot be used together: {source}", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("cannot start TLS: {0}")]
    Start(#[from] rustls::Error),
}

/// Makes TLS sessions.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
    /// The files as they were when they were read.
    stamp: Stamp,
}

/// The certificate and key in use.
#[derive(Debug)]
struct Certificate {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

/// Paths of the certificate and of the key.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Inode, size and time of change of both files, to notice that they have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp([Option<(u64, u64, i64, i64)>; 2]);

impl Tls {
    /// Reads both files.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let provider = Arc::new(ring::default_provider());
        // Taken before the files are read: a change meanwhile is noticed later.
        let stamp = files.stamp();
        let current = RwLock::new(files.read(&provider)?);
        let certificate = Arc::new(Certificate { files, provider: Arc::clone(&provider), current });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A ticket holds all that resuming needs, so the tracker stores nothing for clients that may never come back.
        // One ticket for each connection is enough: a resumed one gives the next.
        config.ticketer = ring::Ticketer::new()?;
        config.send_tls13_tickets = 1;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { config: Arc::new(config), certificate, stamp })
    }

    /// The server's side of a new connection.
    pub(crate) fn accept(&self) -> Option<ServerConnection> {
        let mut session = ServerConnection::new(Arc::clone(&self.config)).ok()?;
        // Answers are bounded, and the next is written only when the one before is sent.
        session.set_buffer_limit(None);
        Some(session)
    }

    /// Reads the files again whenever they have changed. If they cannot be used, the log says so and the old pair
    /// stays.
    pub(crate) async fn follow_files(self: Arc<Self>, shutdown: Shutdown) {
        let Certificate { files, provider, current } = &*self.certificate;
        let mut seen = self.stamp.clone();
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
            let stamp = files.stamp();
            if stamp == seen {
                continue;
            }
            match files.read(provider) {
                Ok(pair) => {
                    *current.write() = pair;
                    tracing::info!("read the changed certificate");
                }
                Err(error) => {
                    tracing::error!(%error, "the new certificate cannot be used; the old one stays");
                }
            }
            seen = stamp;
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
        let Self { certificate, key } = self;
        let wrong = |source| Error::Certificate { file: certificate.clone(), source };
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        if chain.is_empty() {
            return Err(wrong(pem::Error::NoItemsFound));
        }
        let private = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|source| Error::Key { file: key.clone(), source })?;
        let pair = CertifiedKey::from_der(chain, private, provider);
        pair.map(Arc::new).map_err(|source| Error::Pair {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })
    }

    fn stamp(&self) -> Stamp {
        let stamp = |meta: Metadata| (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
        Stamp([&self.certificate, &self.key].map(|file| fs::metadata(file).ok().map(stamp)))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })
}
