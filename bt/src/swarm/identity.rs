//! The 32 bits of a peer id by which the swarm tells the clients of one member apart.

use siphasher::sip::SipHasher13;

use crate::peer::PeerId;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference is SipHash-1-3 written anew after its paper. Another result would make every peer of a restart
    /// file a stranger.
    #[test]
    fn an_identity_is_the_same_for_ever() {
        let mut key = [0xff; 32];
        for (byte, number) in key.iter_mut().zip(0..16) {
            *byte = number;
        }
        assert_eq!(IdentityKey::new(&key).identity(b"-qB5050-abcdefghijkl"), 0x11f6_5881);
        assert_ne!(IdentityKey::new(&key).identity(b"-qB5050-abcdefghijkm"), 0x11f6_5881);
        assert_ne!(IdentityKey::new(&[0; 32]).identity(b"-qB5050-abcdefghijkl"), 0x11f6_5881);
    }
}
