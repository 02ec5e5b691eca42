//! Accounts: names, signing in, passwords.

use std::time::Instant;

use deadpool_postgres::{GenericClient, Transaction};
use infra::secrets::Secret;
use time::OffsetDateTime;

use crate::db;
use crate::db::member::user::{Credentials, NewUser};
use crate::domain::member::attempts::{Attempt, Attempts, Caller};
use crate::domain::member::device::{Device, DeviceId};
use crate::domain::member::password::{self, Passwords};
use crate::domain::member::{Member, Verified};
use crate::error::{Error, Fields};
use crate::id::UserId;

/// The rule for names, as a form says it.
pub const NAME_RULE: &str = "use 2 to 32 letters, digits, dots, dashes or underscores";

/// Checks the fields `username` and `password` of a new account.
///
/// # Errors
/// [`Error::Invalid`] with a sentence for each field that needs another value.
pub async fn check(passwords: &Passwords, name: &str, password: &Secret) -> Result<(), Error> {
    let mut fields = Fields::new();
    if !is_name(name) {
        fields.insert("username", NAME_RULE.to_owned());
    }
    if let Err(problem) = passwords.check(password, name).await? {
        fields.insert("password", problem);
    }
    if fields.is_empty() { Ok(()) } else { Err(Error::Invalid(fields)) }
}

/// Whether an account may have this name. The constraint `users_name_form` in the database is the same rule.
pub fn is_name(name: &str) -> bool {
    (2..=32).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
}

/// Adds an account whose fields were checked.
///
/// # Errors
/// [`Error::Invalid`] for a name that is taken and for a role that is not there.
pub async fn create(transaction: &Transaction<'_>, member: &NewUser<'_>) -> Result<UserId, Error> {
    db::member::user::insert(transaction, member).await.map_err(|error| match infra::db::violated(&error) {
        Some("users_name_unique") => Error::field("username", "this name is taken; choose another"),
        Some("users_name_form") => Error::field("username", NAME_RULE),
        Some("user_roles_role_fkey") => {
            Error::field("roles", "there is no such role; there are administrator, inviter and moderator")
        }
        _ => error.into(),
    })
}

/// An attempt to sign in that is within the limits so far. A name without an account, and text that cannot be a name,
/// take as long as a wrong password and get the same answer.
pub struct SignIn<'a> {
    key: &'a [u8; 32],
    attempt: Attempt<'a>,
    device: Option<Device>,
}

impl<'a> SignIn<'a> {
    /// Begins an attempt to sign in to the account `name`. `key` verifies the cookie `device` that `caller` sent.
    ///
    /// # Errors
    /// [`Error::TooMany`] after too many failures.
    pub fn begin(
        attempts: &Attempts,
        key: &'a [u8; 32],
        name: &'a str,
        caller: &Caller,
    ) -> Result<Self, Error> {
        let name = Some(name).filter(|it| is_name(it));
        let device = name.and_then(|it| caller.devices.find(key, it, OffsetDateTime::now_utc()));
        let attempt = Attempt { name, device: device.map(|it| it.id), ..Attempt::link(caller.address) };
        attempts.check(&attempt, Instant::now())?;
        Ok(Self { key, attempt, device })
    }

    /// The name to look up credentials by; `None` for text that cannot be a name.
    pub fn name(&self) -> Option<&'a str> {
        self.attempt.name
    }

    /// Verifies `password` against the credentials that were found.
    ///
    /// # Errors
    /// [`Error::Credentials`], [`Error::Forbidden`] for a disabled account, [`Error::TooMany`].
    pub async fn finish(
        mut self,
        attempts: &Attempts,
        passwords: &Passwords,
        found: Option<Credentials>,
        password: Secret,
    ) -> Result<Verified, Error> {
        let known = self.device.filter(|device| {
            found.as_ref().is_some_and(|it| device.has_signed_in_with(self.key, it.id, &it.password_hash))
        });
        self.attempt.device = known.map(|it| it.id);
        let permit = passwords.permit().await?;
        // Checked again, because other attempts may have failed while this one waited for its permit, which is kept until
        // a failure is counted.
        attempts.check(&self.attempt, Instant::now())?;
        let stored = found.as_ref().map(|it| it.password_hash.clone());
        let right = passwords.verify(permit.clone(), password, stored).await?;
        match found.filter(|_| right) {
            Some(account) if account.disabled => {
                Err(Error::Forbidden("this account is disabled; ask the staff of this site"))
            }
            Some(account) => {
                Ok(Verified { id: account.id, name: account.name, password_hash: account.password_hash })
            }
            None => {
                attempts.fail(&self.attempt, Instant::now());
                Err(Error::Credentials)
            }
        }
    }
}

/// A member's change of their own password, as typed.
#[derive(Debug)]
pub struct PasswordChange {
    /// What the member says is their present password.
    pub present: Secret,
    /// The new password.
    pub new: Secret,
}

impl PasswordChange {
    /// Checks both passwords and returns the hash of the new one, a PHC string. `stored` is the hash of the present
    /// one, `current` the hash of the id of the session that sent the change.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a password that is wrong or too easy to guess, [`Error::TooMany`] after too many
    /// failures.
    pub async fn check(
        self,
        attempts: &Attempts,
        passwords: &Passwords,
        member: &Member,
        (stored, current): (&str, Option<&[u8]>),
        caller: &Caller,
    ) -> Result<String, Error> {
        let Self { present, new } = self;
        password::check_length(&new).map_err(|problem| Error::field("new_password", problem))?;
        // Attempts are counted by the session, so that strangers who guess at the name do not lock its owner out here.
        let device = current.and_then(|it| it.first_chunk()).map(|it| DeviceId(*it));
        let attempt = Attempt { name: Some(&member.name), device, ..Attempt::link(caller.address) };
        attempts.check(&attempt, Instant::now())?;
        let permit = passwords.permit().await?;
        // Checked again, because other attempts may have failed while this one waited for its permit, which is kept until
        // a failure is counted.
        attempts.check(&attempt, Instant::now())?;
        if !passwords.verify(permit.clone(), present, Some(stored.to_owned())).await? {
            attempts.fail(&attempt, Instant::now());
            return Err(Error::field("password", "this is not your present password"));
        }
        drop(permit);
        let judged = passwords.check(&new, &member.name).await?;
        judged.map_err(|problem| Error::field("new_password", problem))?;
        passwords.hash(passwords.permit().await?, new).await
    }
}

/// Replaces the password hash `old` of the account `id` by `new`. Ends its sessions except the one whose id has the
/// hash `current`. API tokens stay.
///
/// # Errors
/// [`Error::Invalid`] where the password was changed meanwhile.
pub async fn replace_password(
    transaction: &Transaction<'_>,
    id: UserId,
    (old, new): (&str, &str),
    current: Option<&[u8]>,
) -> Result<(), Error> {
    if !db::member::user::set_password(transaction, id, old, new).await? {
        return Err(Error::field("password", "the password was changed meanwhile; type the present one"));
    }
    db::member::password_reset::revoke_open(transaction, id).await?;
    db::member::session::end_others(transaction, id, current).await?;
    Ok(())
}

/// The credentials of the account `name`, for commands of the operator.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn named(client: &impl GenericClient, name: &str) -> Result<Credentials, Error> {
    let found = if is_name(name) { db::member::user::credentials(client, name).await? } else { None };
    found.ok_or(Error::NotFound("account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["al", "A.b-c_9", &"x".repeat(32)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a", "a b", "ä1", "a\n", &"x".repeat(33), "a/b", "<b>"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
