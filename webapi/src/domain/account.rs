//! Accounts: names, signing in, passwords, the announce URL.

use std::time::Instant;

use bt::announce_key::{self, Binding};
use deadpool_postgres::GenericClient;
use infra::secrets::Secret;
use time::OffsetDateTime;

use super::attempts::Attempt;
use super::attempts::Caller;
use super::device::DeviceId;
use super::member::Member;
use super::password;
use super::password::strength::Names;
use crate::app::App;
use crate::db;
use crate::db::user::NewUser;
use crate::error::{Error, Fields};
use crate::id::UserId;

/// What [`check`] wants, in the words of a form.
pub const NAME_RULE: &str = "use 2 to 32 letters, digits, dots, dashes or underscores";

/// Checks the fields `username` and `password` of a new account.
pub async fn check(app: &App, name: &str, password: &Secret) -> Result<(), Error> {
    let mut fields = Fields::new();
    if !is_name(name) {
        fields.insert("username", NAME_RULE.to_owned());
    }
    if let Err(problem) = check_password(app, name, password).await? {
        fields.insert("password", problem);
    }
    if fields.is_empty() { Ok(()) } else { Err(Error::Invalid(fields)) }
}

/// Whether `password` will do for the account named `name`, or a sentence that says what to do instead.
pub async fn check_password(app: &App, name: &str, password: &Secret) -> Result<Result<(), String>, Error> {
    app.passwords.check(password, Names::new(name, app.config.api_url.as_str())).await
}

/// The database has the same rule, as `users_name_form`.
pub fn is_name(name: &str) -> bool {
    (2..=32).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
}

/// Checks and adds an account that nobody invited.
pub async fn add(app: &App, name: &str, password: Secret, roles: &[String]) -> Result<UserId, Error> {
    check(app, name, &password).await?;
    let place = app.passwords.place().await?;
    let password_hash = app.passwords.hash(place, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let user = NewUser { name, password_hash: &password_hash, invited_by: None, roles };
    let id = create(&transaction, &user).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Adds an account whose fields were checked. In a transaction.
pub async fn create(client: &impl GenericClient, user: &NewUser<'_>) -> Result<UserId, Error> {
    db::user::insert(client, user).await.map_err(|error| match infra::db::violated(&error) {
        Some("users_name_unique") => Error::field("username", "this name is taken; choose another"),
        Some("users_name_form") => Error::field("username", NAME_RULE),
        Some("user_roles_role_fkey") => {
            Error::field("roles", "there is no such role; there are administrator, inviter and moderator")
        }
        _ => error.into(),
    })
}

/// Someone whose password was right a moment ago.
#[derive(Debug)]
pub struct Verified {
    /// Of the account.
    pub id: UserId,
    /// Of the account, as it was made.
    pub name: String,
    /// The PHC string that the password was right for.
    pub password_hash: String,
}

/// The account whose name and password these are. Unknown names, and what cannot be a name, take as long and answer the
/// same.
pub async fn verify(app: &App, name: &str, password: Secret, caller: &Caller) -> Result<Verified, Error> {
    let key = &app.keys.device;
    let name = Some(name).filter(|it| is_name(it));
    let device = name.and_then(|it| caller.devices.find(key, it, OffsetDateTime::now_utc()));
    let mut attempt = Attempt { name, device: device.map(|it| it.id), ..Attempt::link(caller.address) };
    app.attempts.check(&attempt, Instant::now())?;
    let found = match name {
        Some(name) => db::user::credentials(&app.connection().await?, name).await?,
        None => None,
    };
    let known = device.filter(|device| {
        found.as_ref().is_some_and(|it| device.has_signed_in_with(key, it.id, &it.password_hash))
    });
    attempt.device = known.map(|it| it.id);
    let place = app.passwords.place().await?;
    // Once more: while this one waited for its place, others may have failed.
    app.attempts.check(&attempt, Instant::now())?;
    let stored = found.as_ref().map(|it| it.password_hash.clone());
    let right = app.passwords.verify(place, password, stored).await?;
    match found.filter(|_| right) {
        Some(account) if account.disabled => {
            Err(Error::Forbidden("this account is disabled; ask the staff of this site"))
        }
        Some(account) => {
            Ok(Verified { id: account.id, name: account.name, password_hash: account.password_hash })
        }
        None => {
            app.attempts.fail(&attempt, Instant::now());
            Err(Error::Credentials)
        }
    }
}

/// Replaces a member's password and ends their sessions but the one with the hash `current`, which asks. API tokens
/// stay. Answers what this browser is known by from now on.
pub async fn change_password(
    app: &App,
    member: &Member,
    current: Option<&[u8]>,
    (present, new): (Secret, Secret),
    caller: &Caller,
) -> Result<Verified, Error> {
    password::check_length(&new).map_err(|problem| Error::field("new_password", problem))?;
    // Whoever is signed in is known: strangers who guess at the name keep nobody from changing the password.
    let device = current.and_then(|it| it.first_chunk()).map(|it| DeviceId(*it));
    let attempt = Attempt { name: Some(&member.name), device, ..Attempt::link(caller.address) };
    app.attempts.check(&attempt, Instant::now())?;
    let old = db::user::password_hash(&app.connection().await?, member.id).await?;
    let old = old.ok_or(Error::Unauthorized)?;
    let place = app.passwords.place().await?;
    if !app.passwords.verify(place, present, Some(old.clone())).await? {
        app.attempts.fail(&attempt, Instant::now());
        return Err(Error::field("password", "this is not your present password"));
    }
    check_password(app, &member.name, &new)
        .await?
        .map_err(|problem| Error::field("new_password", problem))?;
    let place = app.passwords.place().await?;
    let hash = app.passwords.hash(place, new).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    if !db::user::set_password(&transaction, member.id, &old, &hash).await? {
        return Err(Error::field("password", "the password was changed meanwhile; type the present one"));
    }
    db::password_reset::revoke_open(&transaction, member.id).await?;
    db::session::end_others(&transaction, member.id, current).await?;
    transaction.commit().await?;
    app.announce_departure(member.id);
    Ok(Verified { id: member.id, name: member.name.clone(), password_hash: hash })
}

/// The URL for torrents that a member makes by hand: it is good for any torrent of the site.
pub fn announce_url(app: &App, id: UserId, key: &Binding) -> Result<String, Error> {
    let key = announce_key::mint(&app.keys.announce, id.unsigned(), key, None);
    Ok(format!("{}/announce/{key}/announce", app.config.tracker_url))
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
