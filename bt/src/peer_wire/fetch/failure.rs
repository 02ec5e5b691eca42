//! Why `info` could not be fetched from a peer.

use crate::peer_wire::TooLong;

/// Why `info` could not be fetched from a peer. The sentences name no address and no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// The connection ended, or the time was out, before the peer's handshake: it does not have the torrent, demands
    /// encryption, or has too many connections.
    #[error("The peer refused the connection: it sent no handshake")]
    Refused,
    /// What came first is no handshake of BEP 3.
    #[error("The peer does not speak the BitTorrent protocol without encryption")]
    OtherProtocol,
    /// The bit of BEP 10 is off.
    #[error("The peer does not know the extension protocol")]
    NoExtensions,
    /// The connection ended, or the time was out, before the extension handshake.
    #[error("The peer sent no extension handshake")]
    NoExtensionHandshake,
    /// The peer named no `metadata_size`: it has no `info` itself, or does not serve it.
    #[error("The peer has no metadata")]
    NoMetadata,
    /// `metadata_size` is above [`Limits::info`](super::Limits::info).
    #[error("The metadata has {size} bytes, and {limit} are allowed")]
    TooLarge {
        /// In bytes, as claimed.
        size: u64,
        /// In bytes.
        limit: usize,
    },
    /// A second extension handshake names another `metadata_size`.
    #[error("The peer changed the size of the metadata")]
    OtherSize,
    /// The peer rejected a request: it has no `info`, or the torrent is private.
    #[error("The peer rejected the request for metadata")]
    Rejected,
    /// A message that is longer than clients accept.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// All messages together are longer than [`Limits`](super::Limits) allow.
    #[error("The peer sent more than a fetch of metadata needs")]
    TooMuch,
    /// An extension message that is not a dictionary, or lacks what BEP 9 demands.
    #[error("The peer broke the extension protocol: a message cannot be read")]
    Malformed,
    /// A block that was not asked for.
    #[error("The peer sent a block of metadata that was not asked for")]
    Unasked,
    /// A block that came before.
    #[error("The peer sent a block of metadata twice")]
    Repeated,
    /// A block that is shorter or longer than is due.
    #[error("The peer sent a block of metadata of {found} bytes, where {due} are due")]
    BlockLength {
        /// In bytes.
        found: usize,
        /// In bytes.
        due: usize,
    },
    /// The connection ended, or the time was out, before the last block.
    #[error("The peer sent only a part of the metadata")]
    BrokenOff,
    /// All blocks are there, but neither their SHA-1 nor their SHA-256 is the info hash.
    #[error("The metadata does not match the info hash")]
    WrongDigest,
}
