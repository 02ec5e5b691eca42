//! A way back for members who forgot their password: a link that sets a new one, once.

use std::time::Instant;

use bt::token::Token;
use deadpool_postgres::GenericClient;
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::account;
use super::attempts::Attempt;
use super::attempts::Caller;
use super::member::{ADMINISTRATOR, By, MODERATOR, Member};
use crate::app::App;
use crate::db;
use crate::db::password_reset::{Maker, PasswordReset};
use crate::error::Error;
use crate::id::{PasswordResetId, UserId};

/// How long a link can be used, in hours.
pub const HOURS: i32 = 24;

/// Whether a link can be used, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It can be used.
    Open,
    /// It has set a password.
    Used,
    /// A newer link or another change of the password took its place, or its maker may no longer make it.
    Revoked,
    /// Its time is over.
    Expired,
}

impl State {
    fn of(reset: &PasswordReset) -> Self {
        match reset {
            PasswordReset { used: true, .. } => Self::Used,
            PasswordReset { revoked: true, .. } => Self::Revoked,
            PasswordReset { expired: true, .. } => Self::Expired,
            _ => Self::Open,
        }
    }

    /// Why it cannot be used.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Used => {
                Some("this link has been used; sign in with the new password, or ask for another link")
            }
            Self::Revoked => Some("this link no longer works; use the latest one, or ask for another"),
            Self::Expired => Some("this link has expired; ask for another one"),
        }
    }
}

/// A link that somebody holds, and whether it works.
#[derive(Debug)]
pub struct Found {
    /// Its row.
    pub row: PasswordReset,
    /// Now.
    pub state: State,
}

/// What a member is told at the next sign-in after their password was reset, until they dismiss it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notice {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who made the link: a member's name, or "the operator of this site".
    pub by: String,
}

/// Whether one who holds `own` roles may reset the password of one who holds `theirs`: staff, for nobody who has a right
/// that they have not. Administrators have all.
pub fn is_allowed(own: &[String], theirs: &[String]) -> bool {
    let has = |role: &str| own.iter().any(|it| it == role);
    has(ADMINISTRATOR) || (has(MODERATOR) && theirs.iter().all(|role| has(role)))
}

/// The link to pass on.
pub fn url(app: &App, reset: &PasswordReset) -> Result<Secret, Error> {
    Ok(format!("{}/reset/{}", app.config.api_url, secret(app, reset)?.reveal()).into())
}

/// The last segment of the link.
pub fn secret(app: &App, reset: &PasswordReset) -> Result<Secret, Error> {
    Ok(Token::new(&app.keys.password_reset, reset.id.unsigned(), &[&reset.nonce]).to_string().into())
}

/// The link that `secret` is the last segment of.
pub async fn find(app: &App, client: &impl GenericClient, secret: &Secret) -> Result<Found, Error> {
    const MISSING: Error = Error::NotFound("link");
    let token = Token::parse(secret.reveal().as_bytes()).ok_or(MISSING)?;
    let id = PasswordResetId::from_unsigned(token.id()).ok_or(MISSING)?;
    let row = db::password_reset::find(client, id).await?.ok_or(MISSING)?;
    if !token.verify(&app.keys.password_reset, &[&row.nonce]) {
        return Err(MISSING);
    }
    let mut state = State::of(&row);
    if state == State::Open && !maker_may(client, &row).await? {
        state = State::Revoked;
    }
    Ok(Found { row, state })
}

/// Makes a link to the password of the member `id`, and takes back older ones.
pub async fn create(app: &App, by: &Member, id: UserId) -> Result<PasswordReset, Error> {
    let mut client = app.connection().await?;
    check_right(&client, by, id).await?;
    let transaction = client.transaction().await?;
    let reset = insert(&transaction, id, Maker::Member(by.id)).await?;
    transaction.commit().await?;
    Ok(reset)
}

/// Refuses where `by` may not reset the password of the member `id`, whose name is answered.
pub async fn check_right(client: &impl GenericClient, by: &Member, id: UserId) -> Result<String, Error> {
    if by.by != By::Cookie {
        return Err(Error::SessionOnly);
    }
    if by.id == id {
        let message = "change your own password on your account page".to_owned();
        return Err(Error::Conflict { code: "own_account", message });
    }
    let member = db::user::profile(client, id).await?.ok_or(Error::NotFound("member"))?.account;
    if !is_allowed(&by.roles, &member.roles) {
        return Err(Error::Forbidden("this member may do something that you may not; ask an administrator"));
    }
    Ok(member.name)
}

/// Makes a link to the password of the account named `name`, for whoever owns the machine.
pub async fn create_as_operator(app: &App, name: &str) -> Result<PasswordReset, Error> {
    let mut client = app.connection().await?;
    let id = named(&client, name).await?.id;
    let transaction = client.transaction().await?;
    let reset = insert(&transaction, id, Maker::Operator).await?;
    transaction.commit().await?;
    Ok(reset)
}

/// Sets the password of the account named `name`, for whoever owns the machine.
pub async fn set_as_operator(app: &App, name: &str, password: Secret) -> Result<(), Error> {
    let mut client = app.connection().await?;
    let account = named(&client, name).await?;
    let password_hash = hash(app, &account.name, password).await?;
    let transaction = client.transaction().await?;
    db::user::replace_password(&transaction, account.id, &password_hash).await?;
    let reset = insert(&transaction, account.id, Maker::Operator).await?;
    db::password_reset::use_up(&transaction, reset.id).await?;
    db::session::end_others(&transaction, account.id, None).await?;
    Ok(transaction.commit().await?)
}

/// Sets the password that a link is for and ends all sessions of its member; API tokens stay. Of many at the same
/// moment one does; the others find the link used. A disabled account stays disabled.
pub async fn apply(app: &App, secret: &Secret, password: Secret, caller: &Caller) -> Result<(), Error> {
    let attempt = Attempt::link(caller.address);
    app.attempts.check(&attempt, Instant::now())?;
    let found = find(app, &app.connection().await?, secret).await;
    let Found { row, state } = found.inspect_err(|error| {
        // Guessing counts; the database's troubles do not.
        if error.status().is_client_error() {
            app.attempts.fail(&attempt, Instant::now());
        }
    })?;
    if let Some(refusal) = state.refusal() {
        return Err(Error::Gone(refusal));
    }
    let password_hash = hash(app, &row.user_name, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    // The account's row goes first, here and where the password is changed: neither waits for the other in a circle.
    db::user::replace_password(&transaction, row.user_id, &password_hash).await?;
    if !db::password_reset::use_up(&transaction, row.id).await? {
        drop(transaction);
        let state = find(app, &client, secret).await?.state;
        return Err(Error::Gone(state.refusal().unwrap_or("this link no longer works; ask for another one")));
    }
    db::password_reset::revoke_open(&transaction, row.user_id).await?;
    db::session::end_others(&transaction, row.user_id, None).await?;
    transaction.commit().await?;
    app.announce_departure(row.user_id);
    Ok(())
}

/// What the member has to be told.
pub async fn notice(client: &impl GenericClient, user_id: UserId) -> Result<Option<Notice>, Error> {
    let unseen = db::password_reset::unseen(client, user_id).await?;
    Ok(unseen.map(|it| {
        let by = if it.by_operator { "the operator of this site" } else { "an account that is gone" };
        Notice { at: it.used_at, by: it.created_by.unwrap_or_else(|| by.to_owned()) }
    }))
}

async fn insert(client: &impl GenericClient, user_id: UserId, maker: Maker) -> Result<PasswordReset, Error> {
    let mut nonce = [0; 16];
    infra::secrets::random(&mut nonce).map_err(anyhow::Error::from)?;
    db::password_reset::revoke_open(client, user_id).await?;
    Ok(db::password_reset::insert(client, user_id, maker, &nonce, HOURS).await?)
}

async fn hash(app: &App, name: &str, password: Secret) -> Result<String, Error> {
    let checked = account::check_password(app, name, &password).await?;
    checked.map_err(|problem| Error::field("password", problem))?;
    let place = app.passwords.place().await?;
    app.passwords.hash(place, password).await
}

async fn named(client: &impl GenericClient, name: &str) -> Result<db::user::Credentials, Error> {
    let found = if account::is_name(name) { db::user::credentials(client, name).await? } else { None };
    found.ok_or(Error::NotFound("account"))
}

/// Whether the member who made it may still do so: roles of both may have changed.
async fn maker_may(client: &impl GenericClient, reset: &PasswordReset) -> Result<bool, Error> {
    let maker = match reset.maker {
        Some(Maker::Operator) => return Ok(true),
        Some(Maker::Member(id)) => id,
        None => return Ok(false),
    };
    let Some(maker) = db::user::find_enabled(client, maker).await? else { return Ok(false) };
    let member = db::user::profile(client, reset.user_id).await?;
    Ok(member.is_some_and(|it| is_allowed(&maker.roles, &it.account.roles)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_resets_the_password_of_one_with_a_right_that_they_have_not() {
        let roles = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (own, theirs, allowed) in [
            ("administrator", "administrator inviter moderator", true),
            ("moderator", "", true),
            ("moderator", "moderator", true),
            ("moderator", "inviter", false),
            ("inviter moderator", "inviter", true),
            ("inviter moderator", "administrator", false),
            ("inviter", "", false),
            ("", "", false),
        ] {
            assert_eq!(is_allowed(&roles(own), &roles(theirs)), allowed, "{own} for {theirs}");
        }
    }
}
