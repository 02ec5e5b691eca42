//! Tokens that `get_peers` hands out and `announce_peer` must repeat (BEP 5), without a table of them.

use std::net::IpAddr;

use crate::timed_ids::TimedIds;

/// Bytes of our tokens, as many as Transmission's have. Others' tokens may be longer.
pub const LEN: usize = 8;

/// Makes and checks write tokens: a keyed hash over the asker's address and the time.
///
/// The secret changes every 5 minutes, and tokens of the previous one are accepted too (BEP 5): a token is accepted for
/// 5 to 10 minutes. It is bound to the IP address alone, since some NATs change the port.
#[derive(Clone)]
pub struct WriteTokens(TimedIds<300, 1>);

impl WriteTokens {
    /// `key` must be random, secret, and used for nothing else.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(TimedIds::new(key))
    }

    /// The token for `ip` at `now`, in seconds of a clock that does not go back.
    pub fn issue(&self, ip: IpAddr, now: u32) -> [u8; LEN] {
        self.0.issue(ip.to_canonical(), now).to_be_bytes()
    }

    /// Whether `token` was issued to `ip` a short time ago. Takes the same time for every wrong token of the right
    /// length.
    pub fn accept(&self, token: &[u8], ip: IpAddr, now: u32) -> bool {
        token.try_into().is_ok_and(|token| self.0.accept(u64::from_be_bytes(token), ip.to_canonical(), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_its_address_key_and_time() {
        let tokens = WriteTokens::new(&[1; 16]);
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().expect("an address"));
        for ip in [v4, v6] {
            for issued in [0, 299, 300, 1000, 300 * 255, 300 * 256, u32::MAX - 600] {
                let token = tokens.issue(ip, issued);
                for later in [0, 150, 300] {
                    assert!(tokens.accept(&token, ip, issued + later), "{issued} {later}");
                }
                assert!(!tokens.accept(&token, ip, issued + 600), "{issued}");
                assert!(issued < 300 || !tokens.accept(&token, ip, issued - 300), "not issued yet");
                assert!(!tokens.accept(&token, IpAddr::from([192, 0, 2, 2]), issued));
                assert!(!WriteTokens::new(&[2; 16]).accept(&token, ip, issued));
            }
        }
    }

    #[test]
    fn an_ipv4_mapped_address_is_the_same_address() {
        let tokens = WriteTokens::new(&[1; 16]);
        let mapped = "::ffff:192.0.2.1".parse().expect("an address");
        assert!(tokens.accept(&tokens.issue(mapped, 7), IpAddr::from([192, 0, 2, 1]), 7));
    }

    #[test]
    fn no_other_bytes_are_a_token() {
        let tokens = WriteTokens::new(&[1; 16]);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let token = tokens.issue(ip, 0);
        for other in [&[][..], &token[..7], b"aoeusnth", &[token, token].concat(), &[0; 8]] {
            assert!(!tokens.accept(other, ip, 0), "{other:?}");
        }
        for bit in 0..64 {
            let mut changed = token;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!tokens.accept(&changed, ip, 0), "bit {bit}");
        }
    }
}
