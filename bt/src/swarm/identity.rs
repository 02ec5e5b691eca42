//! The 32 bits of a peer id by which the swarm tells the clients of one member apart.

use siphasher::sip::SipHasher13;

use crate::peer::PeerId;

/// Shortens peer ids to identities. The same key gives the same identities after a restart. Without the key nobody can
/// find two peer ids with the same identity.
#[derive(Clone, Copy)]
pub struct IdentityKey(SipHasher13);

impl IdentityKey {
    /// Uses the first 16 of 32 secret bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        Self(SipHasher13::new_with_key(&half))
    }

    /// The lower half of SipHash-1-3 of a peer id.
    ///
    /// It need only tell a member's peers in one swarm apart: of ten, two have the same identity once in 95 million.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The value comes from an implementation of SipHash-1-3 after its paper. Another one would make every peer of a
    /// restart file unknown.
    #[test]
    fn an_identity_never_changes() {
        let mut key = [0xff; 32];
        for (byte, number) in key.iter_mut().zip(0..16) {
            *byte = number;
        }
        assert_eq!(IdentityKey::new(&key).identity(b"-qB5050-abcdefghijkl"), 0x11f6_5881);
        assert_ne!(IdentityKey::new(&key).identity(b"-qB5050-abcdefghijkm"), 0x11f6_5881);
        assert_ne!(IdentityKey::new(&[0; 32]).identity(b"-qB5050-abcdefghijkl"), 0x11f6_5881);
    }
}
