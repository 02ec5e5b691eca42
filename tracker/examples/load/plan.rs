//! The peers and their announces, for every load generator.

use std::fmt::Write as _;
use std::path::Path;

use bt::announce_key::{self, Binding};
use bt::{InfoHash, PeerId};
use infra::config::Config;
use infra::secrets::Keys;
use sha2::{Digest, Sha256};

/// Members that so many peers belong to, in turn: few enough peers of one member in each torrent.
pub(crate) fn members(peers: u32) -> u32 {
    (peers / 1000).max(1000)
}

const ZIPF_EXPONENT: f64 = 0.8;

/// Torrent `i` has the info hash `sha256(i)[..20]`; peers are spread over the torrents by Zipf's law with exponent 0.8,
/// or so that each has 20 to 50. Two peers in three are seeders. Everything follows from the numbers: two runs make the
/// same load.
pub(crate) struct Plan {
    /// The number of the first peer of each torrent, and the number of all at the end.
    first_peer: Vec<u32>,
    /// The info hash of each torrent, by its number.
    pub(crate) hashes: Vec<InfoHash>,
    keys: Option<Keys>,
    members: u32,
}

/// What one peer announces.
pub(crate) struct Announce {
    /// Path of the URL, with the key where there is one.
    pub(crate) path: String,
    pub(crate) hash: InfoHash,
    pub(crate) peer_id: PeerId,
    pub(crate) port: u16,
    pub(crate) left: u32,
}

impl Plan {
    /// So many peers of so many torrents, or with 0 of as many as it takes for swarms of 20 to 50, with the keys of the
    /// tracker that `config` is for.
    pub(crate) fn new(peers: u32, torrents: u32, config: Option<&Path>) -> anyhow::Result<Self> {
        let weights: Vec<f64> = if torrents == 0 {
            (0..(peers / 35).max(1)).map(|number| f64::from(20 + number * 7919 % 31)).collect()
        } else {
            (1..=torrents).map(|rank| f64::from(rank).powf(-ZIPF_EXPONENT)).collect()
        };
        let torrents = u32::try_from(weights.len())?;
        let config = config.map(Config::read).transpose()?;
        let total: f64 = weights.iter().sum();
        let mut reached = 0.0;
        let mut first_peer = vec![0];
        for weight in weights {
            reached += weight;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a u32 is one"
            )]
            first_peer.push((f64::from(peers) * reached / total).round() as u32);
        }
        Ok(Self {
            first_peer,
            hashes: (1..=torrents).map(hash).collect(),
            keys: config.map(|config| Keys::derive(&config.salt)),
            members: members(peers),
        })
    }

    /// The announce of peer number `peer`.
    pub(crate) fn announce(&self, peer: u32) -> Announce {
        let torrent = self.first_peer.partition_point(|first| *first <= peer) - 1;
        let hash = self.hashes[torrent];
        let mut path = "/announce".to_owned();
        if let Some(keys) = &self.keys {
            let key =
                announce_key::mint(&keys.announce, 1 + peer % self.members, &Binding::default(), Some(hash));
            let _ = write!(path, "/{key}/announce");
        }
        let mut peer_id = *b"-BN0100-000000000000";
        let mut rest = peer;
        for digit in peer_id.iter_mut().rev().take(10) {
            *digit = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        let port = 1024 + (peer - self.first_peer[torrent]) % 64_000;
        Announce {
            path,
            hash,
            peer_id,
            port: u16::try_from(port).unwrap_or(u16::MAX),
            left: if peer.is_multiple_of(3) { 700_000_000 } else { 0 },
        }
    }
}

fn hash(torrent: u32) -> InfoHash {
    let digest: [u8; 32] = Sha256::digest(torrent.to_be_bytes()).into();
    let mut short = [0; 20];
    short.copy_from_slice(&digest[..20]);
    short.into()
}
