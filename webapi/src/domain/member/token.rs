//! API tokens: `fw_` and 40 characters that are derived, not stored.

use bt::token::Token;
use deadpool_postgres::Transaction;
use infra::secrets::Keys;

use crate::db;
use crate::db::member::token::ApiToken;
use crate::domain::member::key::{Created, MAX_KEYS, check_name, nonce};
use crate::domain::member::scope::{SCOPES, Scopes};
use crate::error::{Error, Fields};
use crate::id::UserId;

/// So that people and secret scanners know a token when they see one.
pub const PREFIX: &str = "fw_";

/// Days that a token lasts where nothing else is said.
pub const DAYS: u32 = 365;
/// Days that a token with an end lasts at most.
pub const MAX_DAYS: u32 = 3650;

/// Whether the header `Authorization` is of the scheme `Bearer`, in any case.
pub fn is_bearer(header: &[u8]) -> bool {
    let scheme = header.split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"Bearer")
}

/// The token in the header `Authorization: Bearer fw_…`. Verify it before believing it.
pub fn parse_authorization(header: &[u8]) -> Option<Token> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii().strip_prefix(PREFIX.as_bytes())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| Token::parse(token))?
}

/// A token that is wanted.
#[derive(Debug)]
pub struct Wish<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// What it may be used for, in words.
    pub scopes: &'a [String],
    /// Days until it ends; none for no end.
    pub days: Option<u32>,
}

/// Makes a token that opens some of the account `user_id` to a tool. Its owner must have a session: no token makes tokens.
///
/// # Errors
/// Fields that cannot be used, or too many tokens.
pub async fn create(
    keys: &Keys,
    transaction: &Transaction<'_>,
    user_id: UserId,
    wish: &Wish<'_>,
) -> Result<Created<ApiToken>, Error> {
    let (name, scopes) = check(wish)?;
    let nonce = nonce()?;
    let days = wish.days.map(u32::cast_signed);
    db::member::user::lock(transaction, user_id).await?;
    if db::member::token::count(transaction, user_id).await? >= MAX_KEYS {
        let message = format!("you have {MAX_KEYS} tokens; revoke one that is no longer used");
        return Err(Error::Conflict { code: "too_many_tokens", message });
    }
    let words = scopes.words();
    let wanted = db::member::token::NewToken { name, nonce: &nonce, scopes: &words, days };
    let row = db::member::token::insert(transaction, user_id, &wanted).await;
    let row = row.map_err(|error| match infra::db::violated(&error) {
        Some("api_tokens_name_unique") => Error::field("name", "you have a token of this name already"),
        _ => error.into(),
    })?;
    let secret = format!("{PREFIX}{}", Token::new(&keys.api_token, row.id.unsigned(), &[&nonce]));
    Ok(Created { row, secret: secret.into() })
}

fn check<'a>(wish: &Wish<'a>) -> Result<(&'a str, Scopes), Error> {
    let mut fields = Fields::new();
    let name = check_name(wish.name);
    if let Err(problem) = name {
        fields.insert("name", problem.to_owned());
    }
    let scopes = Scopes::parse(wish.scopes);
    if scopes.is_err() {
        let known: Vec<&str> = SCOPES.iter().map(|it| it.word()).collect();
        fields.insert("scopes", format!("there is no such scope; there are {}", known.join(", ")));
    } else if scopes.is_ok_and(Scopes::is_empty) {
        fields.insert("scopes", "choose what the token may be used for".to_owned());
    }
    if wish.days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        let rule = format!("choose 1 to {MAX_DAYS} days, or no end");
        fields.insert("expires_in_days", rule);
    }
    match (name, scopes) {
        (Ok(name), Ok(scopes)) if fields.is_empty() => Ok((name, scopes)),
        _ => Err(Error::Invalid(fields)),
    }
}

/// What a token may be used for, as its row says. One that was made before there were scopes opens all.
pub fn scopes(words: Option<&[String]>) -> Scopes {
    words.map_or(Scopes::ALL, |words| Scopes::parse(words).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_carries_scheme_prefix_and_token() {
        let token = Token::new(&[1; 32], 5, &[]).to_string();
        let parse = |text: String| parse_authorization(text.as_bytes()).map(|it| it.id());
        assert_eq!(parse(format!("Bearer fw_{token}")), Some(5));
        assert_eq!(parse(format!("bearer fw_{token}")), Some(5));
        for wrong in [
            format!("Bearer {token}"),
            format!("Basic fw_{token}"),
            format!("Bearer fw_{token}a"),
            String::new(),
        ] {
            assert_eq!(parse(wrong.clone()), None, "{wrong}");
        }
    }
}
