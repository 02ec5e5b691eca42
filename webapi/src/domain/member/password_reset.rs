//! Links that set a new password, for members who forgot theirs. Each works once.

use bt::token::Token;
use deadpool_postgres::{GenericClient, Transaction};
use infra::secrets::{Keys, Secret};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::db;
use crate::db::member::password_reset::{Maker, PasswordReset};
use crate::domain::member::key::nonce;
use crate::domain::member::password::Passwords;
use crate::domain::member::permission::{Permission, Permissions};
use crate::domain::member::{By, Member};
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
    /// A newer link or another change of the password replaced it, or its maker may no longer make it.
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

    /// Why the link cannot be used; `None` where it can.
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

/// A link that was looked up by its secret.
#[derive(Debug)]
pub struct Found {
    /// The link's row.
    pub row: PasswordReset,
    /// Whether it works now.
    pub state: State,
}

/// The notice that a member sees from the next sign-in after their password was reset, until they dismiss it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notice {
    /// When the link was used.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who made the link: a member's name, or "the operator of this site".
    pub by: String,
}

/// Whether a member with the permissions `own` may reset the password of one with `theirs`: nobody resets the password
/// of a member who has a permission that they lack.
pub fn is_allowed(own: Permissions, theirs: Permissions) -> bool {
    own.has(Permission::MemberResetPassword) && own.contains(theirs)
}

/// The link to pass on, on the site at the URL `site`.
pub fn url(keys: &Keys, site: &str, reset: &PasswordReset) -> Secret {
    format!("{site}/reset/{}", secret(keys, reset).reveal()).into()
}

/// The last segment of the link.
pub fn secret(keys: &Keys, reset: &PasswordReset) -> Secret {
    Token::new(&keys.password_reset, reset.id.unsigned(), &[&reset.nonce]).to_string().into()
}

/// The link that ends with `secret`.
///
/// # Errors
/// [`Error::NotFound`] where there is no such link.
pub async fn find(keys: &Keys, client: &impl GenericClient, secret: &Secret) -> Result<Found, Error> {
    const MISSING: Error = Error::NotFound("link");
    let token = Token::parse(secret.reveal().as_bytes()).ok_or(MISSING)?;
    let id = PasswordResetId::from_unsigned(token.id()).ok_or(MISSING)?;
    let row = db::member::password_reset::find(client, id).await?.ok_or(MISSING)?;
    if !token.verify(&keys.password_reset, &[&row.nonce]) {
        return Err(MISSING);
    }
    let mut state = State::of(&row);
    if state == State::Open && !maker_may(client, &row).await? {
        state = State::Revoked;
    }
    Ok(Found { row, state })
}

/// Makes a link that sets the password of the member `id`, and revokes older ones.
pub async fn create(transaction: &Transaction<'_>, by: &Member, id: UserId) -> Result<PasswordReset, Error> {
    check_right(transaction, by, id).await?;
    insert(transaction, id, Maker::Member(by.id)).await
}

/// The name of the member `id`, after a check that `by` may reset their password.
///
/// # Errors
/// [`Error::SessionOnly`], [`Error::Conflict`] for one's own account, [`Error::NotFound`], and [`Error::Forbidden`] by
/// [`is_allowed`].
pub async fn check_right(client: &impl GenericClient, by: &Member, id: UserId) -> Result<String, Error> {
    if by.by != By::Cookie {
        return Err(Error::SessionOnly);
    }
    if by.id == id {
        let message = "change your own password on your account page".to_owned();
        return Err(Error::Conflict { code: "own_account", message });
    }
    let member = db::member::user::profile(client, id).await?.ok_or(Error::NotFound("member"))?.account;
    if !is_allowed(by.permissions, Permissions::parse(&member.permissions)) {
        return Err(Error::Forbidden("this member may do something that you may not; ask an administrator"));
    }
    Ok(member.name)
}

/// As [`create`], for a command of the operator.
pub async fn create_as_operator(transaction: &Transaction<'_>, id: UserId) -> Result<PasswordReset, Error> {
    insert(transaction, id, Maker::Operator).await
}

/// Sets the password of the member `id` for a command of the operator, and ends all their sessions.
pub async fn set_as_operator(
    transaction: &Transaction<'_>,
    id: UserId,
    password_hash: &str,
) -> Result<(), Error> {
    db::member::user::replace_password(transaction, id, password_hash).await?;
    let reset = insert(transaction, id, Maker::Operator).await?;
    db::member::password_reset::use_up(transaction, reset.id).await?;
    db::member::session::end_others(transaction, id, None).await?;
    Ok(())
}

/// Sets the password that a link is for and ends all sessions of its member; API tokens stay. Of several requests with
/// the link at the same moment one succeeds; the others find it used. A disabled account stays disabled.
///
/// # Errors
/// [`Error::Gone`] where the link no longer works.
pub async fn apply(
    transaction: &Transaction<'_>,
    reset: &PasswordReset,
    password_hash: &str,
) -> Result<(), Error> {
    // The account's row is locked first, as where the password is changed, so that the two cannot deadlock.
    db::member::user::replace_password(transaction, reset.user_id, password_hash).await?;
    if !db::member::password_reset::use_up(transaction, reset.id).await? {
        let now = db::member::password_reset::find(transaction, reset.id).await?;
        let refusal = now.as_ref().map_or(State::Revoked, State::of).refusal();
        return Err(Error::Gone(refusal.unwrap_or("this link no longer works; ask for another one")));
    }
    db::member::password_reset::revoke_open(transaction, reset.user_id).await?;
    db::member::session::end_others(transaction, reset.user_id, None).await?;
    Ok(())
}

/// Checks a new password for the account `name` and returns its hash, a PHC string.
///
/// # Errors
/// [`Error::Invalid`] for one that is too easy to guess.
pub async fn hash(passwords: &Passwords, name: &str, password: Secret) -> Result<String, Error> {
    let checked = passwords.check(&password, name).await?;
    checked.map_err(|problem| Error::field("password", problem))?;
    passwords.hash(passwords.permit().await?, password).await
}

/// The notice of the latest reset that the member has not dismissed.
pub async fn notice(client: &impl GenericClient, user_id: UserId) -> Result<Option<Notice>, Error> {
    let unseen = db::member::password_reset::unseen(client, user_id).await?;
    Ok(unseen.map(|it| {
        let by = if it.by_operator { "the operator of this site" } else { "an account that is gone" };
        Notice { at: it.used_at, by: it.created_by.unwrap_or_else(|| by.to_owned()) }
    }))
}

async fn insert(client: &impl GenericClient, user_id: UserId, maker: Maker) -> Result<PasswordReset, Error> {
    // Of links that are made at the same moment the last one alone stays open.
    db::member::user::lock(client, user_id).await?;
    db::member::password_reset::revoke_open(client, user_id).await?;
    Ok(db::member::password_reset::insert(client, user_id, maker, &nonce()?, HOURS).await?)
}

/// Whether the maker of a link may still make it: their roles, or those of the other member, may have changed.
async fn maker_may(client: &impl GenericClient, reset: &PasswordReset) -> Result<bool, Error> {
    let maker = match reset.maker {
        Some(Maker::Operator) => return Ok(true),
        Some(Maker::Member(id)) => id,
        None => return Ok(false),
    };
    let Some(maker) = db::member::user::find_enabled(client, maker).await? else { return Ok(false) };
    let member = db::member::user::profile(client, reset.user_id).await?;
    let maker = Permissions::parse(&maker.permissions);
    Ok(member.is_some_and(|it| is_allowed(maker, Permissions::parse(&it.account.permissions))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_resets_the_password_of_one_with_a_permission_that_they_lack() {
        let moderator = "member.reset_password torrent.edit_any";
        let inviter = "invite.create";
        let both = "member.reset_password torrent.edit_any invite.create";
        let read = |words: &str| Permissions::parse(words.split_whitespace());
        for (own, theirs, allowed) in [
            (moderator, "", true),
            (moderator, moderator, true),
            (moderator, inviter, false),
            (both, inviter, true),
            (both, "member.disable", false),
            (inviter, "", false),
            ("", "", false),
        ] {
            assert_eq!(is_allowed(read(own), read(theirs)), allowed, "{own} for {theirs}");
        }
    }
}
