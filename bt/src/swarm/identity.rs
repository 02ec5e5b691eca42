//! What of a peer id is kept: enough to tell a member's clients apart, and what says which client it is.

use siphasher::sip::SipHasher13;

use crate::peer::PeerId;

/// The first 8 bytes of a peer id: by convention client and version, `-qB5040-` (BEP 20).
pub type ClientPrefix = [u8; 8];

/// Tells which client and version a peer id names.
pub fn client_prefix(peer_id: &PeerId) -> ClientPrefix {
    let mut prefix = ClientPrefix::default();
    prefix.copy_from_slice(&peer_id[..8]);
    prefix
}

/// Makes identities of peer ids. With the same key they are the same after a restart; without it nobody can choose
/// two peer ids with the same identity.
#[derive(Clone, Copy)]
pub struct IdentityKey(SipHasher13);

impl IdentityKey {
    /// Takes the first 16 of 32 secret bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        Self(SipHasher13::new_with_key(&half))
    }

    /// The lower half of SipHash-1-3 of a peer id.
    ///
    /// Only a member's own peers in one swarm are told apart by it: of ten, two are the same once in 95 million.
    pub fn identity(&self, peer_id: &PeerId) -> u32 {
        let [.., a, b, c, d] = self.0.hash(peer_id).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKey")
    }
}
