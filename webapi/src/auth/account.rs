//! Steps that pages, API and commands share: creating an account, signing in, setting a password. A password is
//! hashed before a database connection is taken; then one transaction is opened and committed.

use std::time::Instant;

use infra::secrets::Secret;

use crate::app::App;
use crate::db;
use crate::db::member::user::NewUser;
use crate::domain::member::account::{self, PasswordChange, SignIn};
use crate::domain::member::attempts::{Attempt, Caller};
use crate::domain::member::invite;
use crate::domain::member::password_reset::{self, Found};
use crate::domain::member::{Member, Verified};
use crate::error::Error;
use crate::id::UserId;

/// Checks and adds an account without an invite.
///
/// # Errors
/// [`Error::Invalid`] with what is wrong with the fields.
pub async fn add(app: &App, name: &str, password: Secret, roles: &[String]) -> Result<UserId, Error> {
    account::check(&app.passwords, name, &password).await?;
    let password_hash = app.passwords.hash(app.passwords.permit().await?, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let member = NewUser { name, password_hash: &password_hash, invited_by: None, roles };
    let id = account::create(&transaction, &member).await?;
    transaction.commit().await?;
    Ok(id)
}

/// The account that has this name and password.
///
/// # Errors
/// See [`SignIn`].
pub async fn verify(app: &App, name: &str, password: Secret, caller: &Caller) -> Result<Verified, Error> {
    let attempt = SignIn::begin(&app.attempts, &app.keys.device, name, caller)?;
    let found = match attempt.name() {
        Some(name) => db::member::user::credentials(&app.connection().await?, name).await?,
        None => None,
    };
    attempt.finish(&app.attempts, &app.passwords, found, password).await
}

/// Replaces a member's password and ends their sessions, except the one with the hash `current`, which asked for it.
/// API tokens stay valid. Returns the cookie that identifies this browser from now on.
///
/// # Errors
/// See [`PasswordChange::check`] and [`account::replace_password`].
pub async fn change_password(
    app: &App,
    member: &Member,
    current: Option<&[u8]>,
    change: PasswordChange,
    caller: &Caller,
) -> Result<Verified, Error> {
    let old = db::member::user::password_hash(&app.connection().await?, member.id).await?;
    let old = old.ok_or(Error::Unauthorized)?;
    let new = change.check(&app.attempts, &app.passwords, member, (&old, current), caller).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    account::replace_password(&transaction, member.id, (&old, &new), current).await?;
    transaction.commit().await?;
    app.announce_departure(member.id);
    Ok(Verified { id: member.id, name: member.name.clone(), password_hash: new })
}

/// Creates the account of an invite. Of several claims at the same time one succeeds; the others find the invite used.
///
/// # Errors
/// [`Error::NotFound`] for an unknown link, [`Error::Gone`] for an invite that is no longer open,
/// [`Error::Invalid`] with what is wrong with the fields, [`Error::TooMany`] after too many failures.
pub async fn claim_invite(
    app: &App,
    secret: &str,
    (name, password): (&str, Secret),
    caller: &Caller,
) -> Result<Verified, Error> {
    let attempt = Attempt::link(caller.address);
    app.attempts.check(&attempt, Instant::now())?;
    let count = |error: &Error| app.attempts.fail_if_guess(&attempt, error);
    let found = invite::find(&app.keys, &app.connection().await?, secret).await.inspect_err(count)?;
    if let Some(refusal) = invite::State::of(&found).refusal() {
        return Err(Error::Gone(refusal));
    }
    account::check(&app.passwords, name, &password).await?;
    let password_hash = app.passwords.hash(app.passwords.permit().await?, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let id = invite::claim(&transaction, found.id, name, &password_hash).await.inspect_err(count)?;
    transaction.commit().await?;
    Ok(Verified { id, name: name.to_owned(), password_hash })
}

/// Sets the password of the member whose reset link this is, and ends all their sessions. API tokens stay valid.
///
/// # Errors
/// [`Error::NotFound`] for an unknown link, [`Error::Gone`] for one that was used, replaced or has expired,
/// [`Error::Invalid`] for a password that is too easy to guess, [`Error::TooMany`] after too many failures.
pub async fn use_reset_link(
    app: &App,
    secret: &Secret,
    password: Secret,
    caller: &Caller,
) -> Result<(), Error> {
    let attempt = Attempt::link(caller.address);
    app.attempts.check(&attempt, Instant::now())?;
    let found = password_reset::find(&app.keys, &app.connection().await?, secret).await;
    let Found { row, state } = found.inspect_err(|error| app.attempts.fail_if_guess(&attempt, error))?;
    if let Some(refusal) = state.refusal() {
        return Err(Error::Gone(refusal));
    }
    let password_hash = password_reset::hash(&app.passwords, &row.user_name, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    password_reset::apply(&transaction, &row, &password_hash).await?;
    transaction.commit().await?;
    app.announce_departure(row.user_id);
    Ok(())
}
