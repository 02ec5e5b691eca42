//! Passwords: argon2id with the configuration's pepper, on blocking threads, few at once.

pub mod strength;

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use infra::secrets::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use strength::Names;

use crate::error::Error;

/// Characters of a password at least.
pub const MIN_CHARS: usize = 8;
/// Bytes of a password at most.
pub const MAX_BYTES: usize = 200;

/// Hashes that are computed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Requests that may wait for their turn; more are refused.
const WAITING: usize = 256;

/// A hash that no account has. Where there is no account, a password is verified against it, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBub2JvZHk$\
    rsMQs7Y8Gu05rIsXTa0xbxKQCKG6mCLtKEqYUvK0cFY";

/// Hashes and verifies passwords, few at a time.
#[derive(Clone)]
pub struct Passwords {
    pepper: Arc<[u8; 32]>,
    /// URL of the site. No part of it may be a password.
    site: Arc<str>,
    permits: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// One new password is judged at a time, beside the hashes, so that nobody's sign-in waits for it.
    judged: Arc<Semaphore>,
}

/// The right to hash one password. Clones are the same permit, which is given back with the last of them.
#[derive(Debug, Clone)]
pub struct HashPermit {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Passwords {
    /// Uses the pepper that is derived from the salt. `site` is the URL of the site.
    pub fn new(pepper: [u8; 32], site: &str) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            pepper: Arc::new(pepper),
            site: site.into(),
            permits: semaphore(AT_ONCE),
            waiting: semaphore(WAITING),
            judged: semaphore(1),
        }
    }

    /// Whether a new password for the account `name` is long enough and hard enough to guess. The inner error is a
    /// sentence that says what to do.
    pub async fn check(&self, password: &Secret, name: &str) -> Result<Result<(), String>, Error> {
        let names = Names::new(name, &self.site);
        if let Err(problem) = check_length(password) {
            return Ok(Err(problem));
        }
        let _waiting = self.waiting.try_acquire().map_err(busy)?;
        let permit = Arc::clone(&self.judged).acquire_owned().await;
        let permit = HashPermit { _permit: Arc::new(permit.map_err(|error| Error::Internal(error.into()))?) };
        let password = password.clone();
        on_blocking_thread(permit, move || {
            Ok(strength::judge(password.reveal(), &names).map_err(str::to_owned))
        })
        .await
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::TooMany`] where too many requests wait already.
    pub async fn permit(&self) -> Result<HashPermit, Error> {
        let _waiting = self.waiting.try_acquire().map_err(busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit
            .map(|permit| HashPermit { _permit: Arc::new(permit) })
            .map_err(|error| Error::Internal(error.into()))
    }

    /// Hashes `password`: returns the PHC string to store.
    pub async fn hash(&self, permit: HashPermit, password: Secret) -> Result<String, Error> {
        let passwords = self.clone();
        on_blocking_thread(permit, move || {
            let hash = passwords.argon2()?.hash_password(password.reveal().as_bytes()).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `stored` is a hash of `password`. Without `stored` the answer is no, after the same time.
    pub async fn verify(
        &self,
        permit: HashPermit,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, Error> {
        let passwords = self.clone();
        on_blocking_thread(permit, move || {
            let hash = PasswordHash::new(stored.as_deref().unwrap_or(NOBODY)).map_err(failed)?;
            let verified = passwords.argon2()?.verify_password(password.reveal().as_bytes(), &hash);
            Ok(verified.is_ok() && stored.is_some())
        })
        .await
    }

    fn argon2(&self) -> Result<Argon2<'_>, Error> {
        Argon2::new_with_secret(&*self.pepper, Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
            .map_err(failed)
    }
}

/// Refuses passwords of fewer than [`MIN_CHARS`] characters or more than [`MAX_BYTES`] bytes.
pub fn check_length(password: &Secret) -> Result<(), String> {
    let text = password.reveal();
    if text.chars().count() < MIN_CHARS {
        return Err(format!("choose a password of at least {MIN_CHARS} characters"));
    }
    if text.len() > MAX_BYTES {
        return Err(format!("choose a password of at most {MAX_BYTES} bytes"));
    }
    Ok(())
}

async fn on_blocking_thread<T: Send + 'static>(
    permit: HashPermit,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    task.await.map_err(|error| Error::Internal(error.into()))?
}

fn busy(_: TryAcquireError) -> Error {
    Error::TooMany { retry_after: Duration::from_secs(5) }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Internal(anyhow::anyhow!("argon2 failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        text.to_owned().into()
    }

    async fn hash(passwords: &Passwords, text: &str) -> String {
        let permit = passwords.permit().await.expect("a permit");
        passwords.hash(permit, secret(text)).await.expect("a hash")
    }

    async fn verify(passwords: &Passwords, text: &str, stored: Option<&str>) -> bool {
        let permit = passwords.permit().await.expect("a permit");
        passwords.verify(permit, secret(text), stored.map(str::to_owned)).await.expect("an answer")
    }

    #[tokio::test]
    async fn only_the_password_that_made_a_hash_verifies() {
        let passwords = Passwords::new([7; 32], "http://site.example");
        let stored = hash(&passwords, "correct horse").await;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(&passwords, "correct horse", Some(&stored)).await);
        assert!(!verify(&passwords, "correct hors", Some(&stored)).await);
        assert!(!verify(&passwords, "correct horse", None).await);
    }

    #[tokio::test]
    async fn another_pepper_makes_every_password_unknown() {
        let stored = hash(&Passwords::new([7; 32], "http://site.example"), "correct horse").await;
        assert!(
            !verify(&Passwords::new([8; 32], "http://site.example"), "correct horse", Some(&stored)).await
        );
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let passwords = Passwords::new([7; 32], "http://site.example");
        assert_ne!(hash(&passwords, "correct horse").await, hash(&passwords, "correct horse").await);
    }

    #[test]
    fn the_hash_of_nobody_costs_what_others_cost() {
        let hash = PasswordHash::new(NOBODY).expect("a PHC string");
        let params = Params::try_from(&hash).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19456, 2, 1));
        assert_eq!(hash.hash.expect("an output").len(), 32);
    }

    #[test]
    fn length_is_in_characters_below_and_in_bytes_above() {
        assert!(check_length(&secret("ääääääää")).is_ok());
        assert!(check_length(&secret("1234567")).is_err());
        assert!(check_length(&secret(&"x".repeat(200))).is_ok());
        assert!(check_length(&secret(&"x".repeat(201))).is_err());
    }
}
