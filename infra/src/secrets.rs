//! Secrets in memory, and those derived from the configuration's `salt`.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use subtle::ConstantTimeEq;

/// A secret text: redacted in `Debug`, without `Display`, compared in constant time. The default stands for a key that
/// the configuration lacks.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Secret(Option<String>);

impl Secret {
    /// The text, empty if none was given. Every call must be reviewed: the result is not redacted.
    pub fn reveal(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether a text was given, which may be empty.
    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The deserializer's own error would quote a password that was written as a number.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a string"))?;
        Ok(Self(Some(text)))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is_given() == other.is_given()
            && bool::from(self.reveal().as_bytes().ct_eq(other.reveal().as_bytes()))
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Keys derived from `salt`, each with its own BLAKE3 `derive_key` context, so that a leaked key reveals no other.
#[derive(Clone)]
pub struct Keys {
    /// Makes the tags of announce keys.
    pub announce: [u8; 32],
    /// Makes the tags of invite links.
    pub invite: [u8; 32],
    /// Makes the tags of API tokens.
    pub api_token: [u8; 32],
    /// Makes the tags of feed keys.
    pub feed_key: [u8; 32],
    /// The pepper that argon2 mixes into every password.
    pub password: [u8; 32],
    /// Hashes session ids before they are stored.
    pub session: [u8; 32],
    /// Makes the tags of cookies that identify browsers which signed in before.
    pub device: [u8; 32],
    /// Makes the tags of links that set a new password.
    pub password_reset: [u8; 32],
    /// Hashes peer ids into identities, by which the tracker distinguishes a member's peers without storing their ids.
    pub peer: [u8; 32],
}

impl Keys {
    /// Derives all keys from the configuration's `salt`.
    pub fn derive(salt: &Secret) -> Self {
        let key = |context| blake3::derive_key(context, salt.reveal().as_bytes());
        Self {
            announce: key("fairywren 2026-11-21 announce key"),
            invite: key("fairywren 2026-11-21 invite link"),
            api_token: key("fairywren 2026-11-21 api token"),
            feed_key: key("fairywren 2026-11-30 feed key"),
            password: key("fairywren 2026-11-21 password pepper"),
            session: key("fairywren 2026-11-21 session id"),
            device: key("fairywren 2026-11-30 known browser"),
            password_reset: key("fairywren 2026-11-30 password reset link"),
            peer: key("fairywren 2026-11-21 peer identity"),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// 32 random bytes of the system as text, for passwords and salts.
///
/// # Errors
/// When the system's random source fails.
pub fn random_text() -> std::io::Result<Secret> {
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    Ok(data_encoding::BASE64URL_NOPAD.encode(&bytes).into())
}

/// Fills `bytes` with random bytes of the system.
pub fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_from_each_other_and_with_the_salt() {
        let keys = |salt: &str| {
            let keys = Keys::derive(&salt.to_owned().into());
            let Keys {
                announce,
                invite,
                api_token,
                feed_key,
                password,
                session,
                device,
                password_reset,
                peer,
            } = keys;
            [announce, invite, api_token, feed_key, password, session, device, password_reset, peer]
        };
        let mut all = [keys("a"), keys("b")].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 18);
    }

    #[test]
    fn random_texts_differ() {
        assert_ne!(random_text().expect("random"), random_text().expect("random"));
    }
}
