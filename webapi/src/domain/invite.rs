//! Invites: links that make one account each.

use std::time::Instant;

use bt::token::Token;
use deadpool_postgres::{GenericClient, Object};
use infra::secrets::Secret;

use super::account::{self, Verified};
use super::attempts::Attempt;
use super::attempts::Caller;
use super::member::{ADMINISTRATOR, INVITER, Member, may_invite};
use crate::app::App;
use crate::db;
use crate::db::invite::{Invite, NewInvite};
use crate::db::user::NewUser;
use crate::error::Error;
use crate::id::{InviteId, UserId};

/// Characters of a note at most.
const MAX_NOTE: usize = 100;

/// Whether an invite can be claimed, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It can be claimed.
    Open,
    /// It has made an account.
    Claimed,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

impl State {
    /// Of a row.
    pub fn of(invite: &Invite) -> Self {
        match invite {
            Invite { claimed_at: Some(_), .. } => Self::Claimed,
            Invite { revoked: true, .. } => Self::Revoked,
            Invite { expired: true, .. } => Self::Expired,
            _ => Self::Open,
        }
    }

    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Why it cannot be claimed.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Claimed => Some("this invite has been used; sign in, or ask for another one"),
            Self::Revoked => Some("this invite was taken back; ask for another one"),
            Self::Expired => Some("this invite has expired; ask for another one"),
        }
    }
}

/// The last segment of the link.
pub fn secret(app: &App, invite: &Invite) -> Result<String, Error> {
    Ok(Token::new(&app.keys.invite, invite.id.unsigned(), &[&invite.nonce]).to_string())
}

/// The link to pass on.
pub fn url(app: &App, invite: &Invite) -> Result<String, Error> {
    Ok(format!("{}/invites/{}", app.config.api_url, secret(app, invite)?))
}

/// The invite that `secret` is the last segment of.
pub async fn find(app: &App, client: &impl GenericClient, secret: &str) -> Result<Invite, Error> {
    const MISSING: Error = Error::NotFound("invite");
    let token = Token::parse(secret.as_bytes()).ok_or(MISSING)?;
    let invite = db::invite::find(client, InviteId::from_unsigned(token.id()).ok_or(MISSING)?)
        .await?
        .ok_or(MISSING)?;
    token.verify(&app.keys.invite, &[&invite.nonce]).then_some(invite).ok_or(MISSING)
}

/// Makes an invite of `member`, with a note for whom it is: empty for none.
///
/// # Errors
/// A note that is too long; as many open invites as `webapi.openInvites`; a member who lost the right a moment ago.
pub async fn create(app: &App, client: &mut Object, member: &Member, note: &str) -> Result<Invite, Error> {
    let note = check_note(note)?;
    let transaction = client.transaction().await?;
    // Whoever takes the right away does so before, and is seen here, or after, and finds this invite.
    db::user::lock(&transaction, member.id).await?;
    let account = db::user::find_enabled(&transaction, member.id).await?.ok_or(Error::Unauthorized)?;
    if !member.may_invite() || !may_invite(&account.roles) {
        return Err(Error::Forbidden("this is for members who may invite"));
    }
    let most = app.config.webapi.open_invites;
    if db::invite::count_open(&transaction, member.id).await? >= most.into() {
        let message =
            format!("you have {most} open invites; revoke one, or wait until one is used or expires");
        return Err(Error::Conflict { code: "too_many_invites", message });
    }
    let invite = insert(app, &transaction, Some(member.id), &[], note).await?;
    transaction.commit().await?;
    Ok(invite)
}

/// What was typed for whom an invite is, without spaces around it; `None` where it is empty.
fn check_note(note: &str) -> Result<Option<&str>, Error> {
    let note = note.trim();
    if note.chars().count() > MAX_NOTE || note.contains(char::is_control) {
        return Err(Error::field("note", "use at most 100 characters in one line"));
    }
    Ok((!note.is_empty()).then_some(note))
}

/// The open invite to the first account, made where there is none. `None` once there is an account.
pub async fn first_account(app: &App, client: &impl GenericClient) -> Result<Option<Invite>, Error> {
    if db::user::any(client).await? {
        return Ok(None);
    }
    if let Some(open) = db::invite::find_first(client).await? {
        return Ok(Some(open));
    }
    let roles = [ADMINISTRATOR.to_owned(), INVITER.to_owned()];
    insert(app, client, None, &roles, None).await.map(Some)
}

/// Takes back an invite; one that was claimed stays so.
pub async fn revoke(client: &impl GenericClient, member: &Member, invite: &Invite) -> Result<(), Error> {
    if invite.created_by != Some(member.id) && !member.is_administrator() {
        return Err(Error::Forbidden("only who made an invite may take it back"));
    }
    if db::invite::revoke(client, invite.id).await? {
        return Ok(());
    }
    let message = "this invite has been used already".to_owned();
    Err(Error::Conflict { code: "invite_claimed", message })
}

/// Makes the account that an invite is for. Of many at the same moment one does; the others find it used.
pub async fn claim(
    app: &App,
    secret: &str,
    (name, password): (&str, Secret),
    caller: &Caller,
) -> Result<Verified, Error> {
    let attempt = Attempt::link(caller.address);
    app.attempts.check(&attempt, Instant::now())?;
    let found = find(app, &app.connection().await?, secret).await;
    let invite = found.inspect_err(|error| count_failure(app, &attempt, error))?;
    if let Some(refusal) = State::of(&invite).refusal() {
        return Err(Error::Gone(refusal));
    }
    account::check(app, name, &password).await?;
    let place = app.passwords.place().await?;
    let password_hash = app.passwords.hash(place, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let Some(claimed) = db::invite::claim(&transaction, invite.id).await? else {
        drop(transaction);
        let state = db::invite::find(&client, invite.id).await?;
        let refusal = state.as_ref().map_or(State::Revoked, State::of).refusal();
        return Err(Error::Gone(refusal.unwrap_or("this invite is no longer open; ask for another one")));
    };
    let user = NewUser {
        name,
        password_hash: &password_hash,
        invited_by: claimed.created_by,
        roles: &claimed.roles,
    };
    let id = account::create(&transaction, &user).await;
    let id = id.inspect_err(|error| count_failure(app, &attempt, error))?;
    db::invite::set_claimed_by(&transaction, invite.id, id).await?;
    transaction.commit().await?;
    Ok(Verified { id, name: name.to_owned(), password_hash })
}

/// Guessing links or names counts; the database's troubles do not.
fn count_failure(app: &App, attempt: &Attempt<'_>, error: &Error) {
    if error.status().is_client_error() {
        app.attempts.fail(attempt, Instant::now());
    }
}

async fn insert(
    app: &App,
    client: &impl GenericClient,
    created_by: Option<UserId>,
    roles: &[String],
    note: Option<&str>,
) -> Result<Invite, Error> {
    let mut nonce = [0; 16];
    infra::secrets::random(&mut nonce).map_err(anyhow::Error::from)?;
    let days = i32::try_from(app.config.webapi.invite_days).unwrap_or(i32::MAX);
    let invite = NewInvite { created_by, nonce: &nonce, roles, note, days };
    Ok(db::invite::insert(client, &invite).await?)
}
