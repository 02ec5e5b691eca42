//! Invites: links that make one account each.

use bt::token::Token;
use deadpool_postgres::{GenericClient, Transaction};
use infra::secrets::Keys;

use crate::db;
use crate::db::member::invite::{Invite, NewInvite};
use crate::db::member::user::NewUser;
use crate::domain::member::account;
use crate::domain::member::key::nonce;
use crate::domain::member::permission::{Permission, Permissions};
use crate::domain::member::{ADMINISTRATOR, INVITER, Member};
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
    /// The state of the row `invite`.
    pub fn of(invite: &Invite) -> Self {
        match invite {
            Invite { claimed_at: Some(_), .. } => Self::Claimed,
            Invite { revoked: true, .. } => Self::Revoked,
            Invite { expired: true, .. } => Self::Expired,
            _ => Self::Open,
        }
    }

    /// Its name in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Why the invite cannot be claimed; `None` where it can.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Claimed => Some("this invite has been used; sign in, or ask for another one"),
            Self::Revoked => Some("this invite was taken back; ask for another one"),
            Self::Expired => Some("this invite has expired; ask for another one"),
        }
    }
}

/// How many invites a member may have, and how long one lasts.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open invites of one member at most: `webapi.openInvites`.
    pub open: u32,
    /// Days for which an invite can be claimed: `webapi.inviteDays`.
    pub days: u32,
}

/// The last segment of the link, which is secret.
pub fn secret(keys: &Keys, invite: &Invite) -> String {
    Token::new(&keys.invite, invite.id.unsigned(), &[&invite.nonce]).to_string()
}

/// The link to pass on, on the site at the URL `site`.
pub fn url(keys: &Keys, site: &str, invite: &Invite) -> String {
    format!("{site}/invites/{}", secret(keys, invite))
}

/// The invite whose link ends with `secret`.
///
/// # Errors
/// [`Error::NotFound`] where no invite has that link.
pub async fn find(keys: &Keys, client: &impl GenericClient, secret: &str) -> Result<Invite, Error> {
    const MISSING: Error = Error::NotFound("invite");
    let token = Token::parse(secret.as_bytes()).ok_or(MISSING)?;
    let id = InviteId::from_unsigned(token.id()).ok_or(MISSING)?;
    let invite = db::member::invite::find(client, id).await?.ok_or(MISSING)?;
    token.verify(&keys.invite, &[&invite.nonce]).then_some(invite).ok_or(MISSING)
}

/// Makes an invite of `member`. `note` says whom it is for, and may be empty.
///
/// # Errors
/// [`Error::Invalid`] for a note that is too long, [`Error::Conflict`] where the member has as many open invites as
/// allowed, [`Error::Forbidden`] where they lost the right a moment ago.
pub async fn create(
    transaction: &Transaction<'_>,
    limits: &Limits,
    member: &Member,
    note: &str,
) -> Result<Invite, Error> {
    let note = check_note(note)?;
    // The lock orders this with a change of roles: one that came before is seen here, one that comes after revokes this
    // invite.
    db::member::user::lock(transaction, member.id).await?;
    let account = db::member::user::find_enabled(transaction, member.id).await?.ok_or(Error::Unauthorized)?;
    let still = Permissions::parse(&account.permissions).has(Permission::InviteCreate);
    if !member.may(Permission::InviteCreate) || !still {
        return Err(Error::Forbidden("this is for members who may invite"));
    }
    if db::member::invite::count_open(transaction, member.id).await? >= limits.open.into() {
        let message = format!(
            "you have {} open invites; revoke one, or wait until one is used or expires",
            limits.open
        );
        return Err(Error::Conflict { code: "too_many_invites", message });
    }
    insert(transaction, limits.days, Some(member.id), &[], note).await
}

/// The note without spaces around it; `None` where it is empty.
fn check_note(note: &str) -> Result<Option<&str>, Error> {
    let note = note.trim();
    if note.chars().count() > MAX_NOTE || note.contains(char::is_control) {
        return Err(Error::field("note", "use at most 100 characters in one line"));
    }
    Ok((!note.is_empty()).then_some(note))
}

/// The open invite to the first account. It is made where there is none; `None` once there is an account.
pub async fn first_account(client: &impl GenericClient, limits: &Limits) -> Result<Option<Invite>, Error> {
    if db::member::user::any(client).await? {
        return Ok(None);
    }
    if let Some(open) = db::member::invite::find_first(client).await? {
        return Ok(Some(open));
    }
    let roles = [ADMINISTRATOR.to_owned(), INVITER.to_owned()];
    insert(client, limits.days, None, &roles, None).await.map(Some)
}

/// Revokes an invite.
///
/// # Errors
/// [`Error::Forbidden`] for another member's, [`Error::Conflict`] for one that was claimed.
pub async fn revoke(client: &impl GenericClient, member: &Member, invite: &Invite) -> Result<(), Error> {
    if invite.created_by != Some(member.id) && !member.may(Permission::InviteRevokeAny) {
        return Err(Error::Forbidden("only the member who made an invite may take it back"));
    }
    if db::member::invite::revoke(client, invite.id).await? {
        return Ok(());
    }
    let message = "this invite has been used already".to_owned();
    Err(Error::Conflict { code: "invite_claimed", message })
}

/// Makes the account that the invite `id` is for. Name and password were checked before. Of several claims at the same
/// moment one succeeds; the others find the invite used.
///
/// # Errors
/// [`Error::Gone`] where it is no longer open, [`Error::Invalid`] for a name that is taken.
pub async fn claim(
    transaction: &Transaction<'_>,
    id: InviteId,
    name: &str,
    password_hash: &str,
) -> Result<UserId, Error> {
    let Some(claimed) = db::member::invite::claim(transaction, id).await? else {
        let state = db::member::invite::find(transaction, id).await?;
        let refusal = state.as_ref().map_or(State::Revoked, State::of).refusal();
        return Err(Error::Gone(refusal.unwrap_or("this invite is no longer open; ask for another one")));
    };
    let member = NewUser { name, password_hash, invited_by: claimed.created_by, roles: &claimed.roles };
    let user_id = account::create(transaction, &member).await?;
    db::member::invite::set_claimed_by(transaction, id, user_id).await?;
    Ok(user_id)
}

async fn insert(
    client: &impl GenericClient,
    days: u32,
    created_by: Option<UserId>,
    roles: &[String],
    note: Option<&str>,
) -> Result<Invite, Error> {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let invite = NewInvite { created_by, nonce: &nonce()?, roles, note, days };
    Ok(db::member::invite::insert(client, &invite).await?)
}
