//! Accounts: names, signing in, passwords, the announce URL.

use std::net::IpAddr;
use std::time::Instant;

use bt::announce_key;
use deadpool_postgres::GenericClient;
use infra::secrets::Secret;
use tower_sessions::Session;

use super::password;
use crate::app::App;
use crate::auth::Member;
use crate::auth::session::own_hash;
use crate::db;
use crate::db::user::NewUser;
use crate::error::{Error, Fields};

/// What [`check`] wants, in the words of a form.
pub const NAME_RULE: &str = "use 2 to 32 letters, digits, dots, dashes or underscores";

/// Checks the fields `username` and `password` of a new account.
pub fn check(name: &str, password: &Secret) -> Result<(), Error> {
    let mut fields = Fields::new();
    if !is_name(name) {
        fields.insert("username", NAME_RULE.to_owned());
    }
    if let Err(problem) = password::check(password) {
        fields.insert("password", problem);
    }
    if fields.is_empty() { Ok(()) } else { Err(Error::Invalid(fields)) }
}

/// The database has the same rule, as `users_name_form`.
pub fn is_name(name: &str) -> bool {
    (2..=32).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
}

/// Checks and adds an account that nobody invited.
pub async fn add(app: &App, name: &str, password: Secret, roles: &[String]) -> Result<i32, Error> {
    check(name, &password)?;
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
pub async fn create(client: &impl GenericClient, user: &NewUser<'_>) -> Result<i32, Error> {
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
    pub id: i32,
    /// The PHC string that the password was right for.
    pub password_hash: String,
}

/// The account whose name and password these are. Unknown names take as long and answer the same.
pub async fn verify(app: &App, name: &str, password: Secret, address: IpAddr) -> Result<Verified, Error> {
    app.attempts.check(name, address, Instant::now())?;
    let found = db::user::credentials(&app.connection().await?, name).await?;
    let place = app.passwords.place().await?;
    // Once more: while this one waited for its place, others may have failed.
    app.attempts.check(name, address, Instant::now())?;
    let stored = found.as_ref().map(|it| it.password_hash.clone());
    let right = app.passwords.verify(place, password, stored).await?;
    match found.filter(|_| right) {
        Some(account) if account.disabled => {
            Err(Error::Forbidden("this account is disabled; ask the staff of this site"))
        }
        Some(account) => Ok(Verified { id: account.id, password_hash: account.password_hash }),
        None => {
            app.attempts.fail(name, address, Instant::now());
            Err(Error::Credentials)
        }
    }
}

/// Replaces a member's password and ends their other sessions. API tokens stay.
pub async fn change_password(
    app: &App,
    member: &Member,
    session: &Session,
    (present, new): (Secret, Secret),
    address: IpAddr,
) -> Result<(), Error> {
    password::check(&new).map_err(|problem| Error::field("new_password", problem))?;
    app.attempts.check(&member.name, address, Instant::now())?;
    let old = db::user::password_hash(&app.connection().await?, member.id).await?;
    let old = old.ok_or(Error::Unauthorized)?;
    let place = app.passwords.place().await?;
    if !app.passwords.verify(place, present, Some(old.clone())).await? {
        app.attempts.fail(&member.name, address, Instant::now());
        return Err(Error::field("password", "this is not your present password"));
    }
    let place = app.passwords.place().await?;
    let hash = app.passwords.hash(place, new).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    if !db::user::set_password(&transaction, member.id, &old, &hash).await? {
        return Err(Error::field("password", "the password was changed meanwhile; type the present one"));
    }
    let current = own_hash(app, member, session);
    db::session::end_others(&transaction, member.id, current.as_deref()).await?;
    transaction.commit().await?;
    app.announce_departure(member.id);
    Ok(())
}

/// The URL for torrents that a member makes by hand: it is good for any torrent of the site.
pub fn announce_url(app: &App, id: i32, key_version: i32) -> Result<String, Error> {
    let number = |it| u32::try_from(it).map_err(|error| Error::Internal(anyhow::Error::new(error)));
    let key = announce_key::mint(&app.keys.announce, number(id)?, number(key_version)?, None);
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

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let Err(Error::Invalid(fields)) = check("?", &"short".to_owned().into()) else { panic!("accepted") };
        assert_eq!(fields.keys().copied().collect::<Vec<_>>(), ["password", "username"]);
    }
}
