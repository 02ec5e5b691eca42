//! Browsers that have signed in to an account before. Their cookie `device` proves it with a token, so that strangers
//! who guess passwords from elsewhere do not lock them out. The token opens nothing.
//!
//! 40 bytes in base64: `user_id` u32 ‖ end u32 in seconds since 1970 ‖ the browser's number, 8 bytes ‖ fingerprint of
//! the password, 8 bytes ‖ tag, 16 bytes. The tag is a keyed BLAKE3 over all before it and the account's name.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use crate::domain::member::Verified;
use crate::error::Error;
use crate::id::UserId;

/// How long a browser is known after it has signed in.
pub const LIFETIME: Duration = Duration::days(180);

/// Accounts that one browser's cookie holds tokens for, at most.
const ACCOUNTS: usize = 4;

const BODY: usize = 24;
const TAG: usize = 16;

/// Stands between the tokens of several accounts.
const SEPARATOR: char = '.';

/// The number that a browser's failures are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId(pub [u8; 8]);

/// What a browser's cookie holds: one token for each account that it signed in to, the latest first. Nothing is
/// verified yet.
#[derive(Clone, Default)]
pub struct Devices(Vec<Token>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Token {
    body: [u8; BODY],
    tag: [u8; TAG],
}

/// A browser whose token was verified for a name.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// The number that its failures are counted by.
    pub id: DeviceId,
    user_id: UserId,
    fingerprint: [u8; 8],
}

impl Device {
    /// Whether the browser signed in to the account `user_id` with its present password, whose hash is `password_hash`.
    /// A browser is no longer known once the password has changed.
    pub fn has_signed_in_with(&self, key: &[u8; 32], user_id: UserId, password_hash: &str) -> bool {
        user_id == self.user_id && bool::from(fingerprint(key, password_hash).ct_eq(&self.fingerprint))
    }
}

impl Devices {
    /// Reads the cookie's value; parts that are no token are left out.
    pub fn parse(value: &str) -> Self {
        Self(value.split(SEPARATOR).take(ACCOUNTS).filter_map(Token::parse).collect())
    }

    /// The cookie's value.
    pub fn to_text(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(|it| it.to_text()).collect();
        texts.join(&SEPARATOR.to_string())
    }

    /// The browser, where it has a token for the account `name` that has not ended.
    pub fn find(&self, key: &[u8; 32], name: &str, now: OffsetDateTime) -> Option<Device> {
        self.0.iter().find(|it| it.verify(key, name) && it.end() > now.unix_timestamp()).map(Token::device)
    }

    /// These tokens after a new one for the account of `member`, who has just signed in with the browser. A browser that
    /// is known keeps its number.
    pub fn add(&self, key: &[u8; 32], member: &Verified, now: OffsetDateTime) -> Result<Self, Error> {
        let name = &member.name;
        let id = match self.find(key, name, now) {
            Some(known) => known.id,
            None => DeviceId::random()?,
        };
        let end = u32::try_from((now + LIFETIME).unix_timestamp()).unwrap_or(u32::MAX);
        let mut body = [0; BODY];
        body[..4].copy_from_slice(&member.id.unsigned().to_be_bytes());
        body[4..8].copy_from_slice(&end.to_be_bytes());
        body[8..16].copy_from_slice(&id.0);
        body[16..].copy_from_slice(&fingerprint(key, &member.password_hash));
        let token = Token { body, tag: tag(key, &body, name) };
        let others = self.0.iter().filter(|it| !it.verify(key, name)).copied();
        Ok(Self(std::iter::once(token).chain(others).take(ACCOUNTS).collect()))
    }
}

impl DeviceId {
    fn random() -> Result<Self, Error> {
        let mut id = [0; 8];
        infra::secrets::random(&mut id).map_err(anyhow::Error::from)?;
        Ok(Self(id))
    }
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY)?;
        Some(Self { body: body.try_into().ok()?, tag: tag.try_into().ok()? })
    }

    fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&[&self.body[..], &self.tag].concat())
    }

    fn verify(&self, key: &[u8; 32], name: &str) -> bool {
        tag(key, &self.body, name).ct_eq(&self.tag).into()
    }

    fn end(&self) -> i64 {
        let [_, _, _, _, a, b, c, d, ..] = self.body;
        u32::from_be_bytes([a, b, c, d]).into()
    }

    fn device(&self) -> Device {
        let [a, b, c, d, _, _, _, _, rest @ ..] = self.body;
        let (mut id, mut fingerprint) = ([0; 8], [0; 8]);
        id.copy_from_slice(&rest[..8]);
        fingerprint.copy_from_slice(&rest[8..]);
        Device { id: DeviceId(id), user_id: UserId(i32::from_be_bytes([a, b, c, d])), fingerprint }
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Devices")
    }
}

fn tag(key: &[u8; 32], body: &[u8; BODY], name: &str) -> [u8; TAG] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"device").update(body).update(name.to_ascii_lowercase().as_bytes());
    let mut tag = [0; TAG];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

fn fingerprint(key: &[u8; 32], password_hash: &str) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"password").update(password_hash.as_bytes());
    let mut fingerprint = [0; 8];
    hasher.finalize_xof().fill(&mut fingerprint);
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn signed_in(before: &Devices, id: UserId, name: &str) -> Devices {
        let member = Verified { id, name: name.to_owned(), password_hash: "a hash".to_owned() };
        before.add(&KEY, &member, NOW).expect("random")
    }

    #[test]
    fn a_browser_is_known_for_the_name_it_signed_in_with_in_any_case() {
        let text = signed_in(&Devices::default(), UserId(7), "Alice").to_text();
        let read = Devices::parse(&text);
        assert!(read.find(&KEY, "aLICE", NOW).is_some());
        assert!(read.find(&KEY, "bob", NOW).is_none());
        assert!(read.find(&[8; 32], "alice", NOW).is_none(), "of another salt");
    }

    #[test]
    fn any_changed_byte_makes_it_unknown() {
        let text = signed_in(&Devices::default(), UserId(7), "alice").to_text();
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read = Devices::parse(&BASE64URL_NOPAD.encode(&changed));
            assert!(read.find(&KEY, "alice", NOW).is_none(), "byte {at}");
        }
        for odd in ["", ".", "x", "....", &text[1..], &format!("{text}A"), "\u{e9}"] {
            assert!(Devices::parse(odd).find(&KEY, "alice", NOW).is_none(), "{odd}");
        }
    }

    #[test]
    fn it_is_forgotten_after_its_lifetime_and_with_its_password() {
        let devices = signed_in(&Devices::default(), UserId(7), "alice");
        assert!(devices.find(&KEY, "alice", NOW + LIFETIME - Duration::SECOND).is_some());
        assert!(devices.find(&KEY, "alice", NOW + LIFETIME).is_none());
        let device = devices.find(&KEY, "alice", NOW).expect("known");
        assert!(device.has_signed_in_with(&KEY, UserId(7), "a hash"));
        assert!(!device.has_signed_in_with(&KEY, UserId(7), "another hash"));
        assert!(!device.has_signed_in_with(&KEY, UserId(8), "a hash"), "another account of that name");
    }

    #[test]
    fn a_browser_keeps_its_number_for_an_account_and_the_last_four_accounts() {
        let first = signed_in(&Devices::default(), UserId(1), "a1");
        let id = first.find(&KEY, "a1", NOW).expect("known").id;
        let again = signed_in(&first, UserId(1), "A1");
        assert_eq!(again.find(&KEY, "a1", NOW).expect("known").id, id);
        assert_eq!(again.0.len(), 1);
        let mut all = again;
        for n in 2..=5 {
            all = Devices::parse(&signed_in(&all, UserId(n), &format!("a{n}")).to_text());
        }
        assert!(all.find(&KEY, "a1", NOW).is_none(), "the oldest goes");
        for n in 2..=5 {
            assert!(all.find(&KEY, &format!("a{n}"), NOW).is_some(), "a{n}");
        }
    }
}
