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

/// Begins every API token, so that people and secret scanners recognize one.
pub const PREFIX: &str = "fw_";

/// Days that a token lasts by default.
pub const DAYS: u32 = 365;
/// Days that a token lasts at most, unless it never ends.
pub const MAX_DAYS: u32 = 3650;

/// Whether the scheme of the header `Authorization` is `Bearer`, in any case.
pub fn is_bearer(header: &[u8]) -> bool {
    let scheme = header.split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"Bearer")
}

/// The token in the header `Authorization: Bearer fw_…`, not verified yet.
pub fn parse_authorization(header: &[u8]) -> Option<Token> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii().strip_prefix(PREFIX.as_bytes())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| Token::parse(token))?
}

/// The token to make.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// Words of the scopes that it may be used for.
    pub scopes: &'a [String],
    /// Days until it ends; none for a token that never ends.
    pub days: Option<u32>,
}

/// Makes an API token of the member `user_id`. The caller must have checked that they have a session: no token makes
/// tokens.
///
/// # Errors
/// [`Error::Invalid`] for fields that cannot be used, [`Error::Conflict`] for too many tokens.
pub async fn create(
    keys: &Keys,
    transaction: &Transaction<'_>,
    user_id: UserId,
    request: &TokenRequest<'_>,
) -> Result<Created<ApiToken>, Error> {
    let (name, scopes) = check(request)?;
    let nonce = nonce()?;
    let days = request.days.map(u32::cast_signed);
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

fn check<'a>(request: &TokenRequest<'a>) -> Result<(&'a str, Scopes), Error> {
    let mut fields = Fields::new();
    let name = check_name(request.name);
    if let Err(problem) = name {
        fields.insert("name", problem.to_owned());
    }
    let scopes = Scopes::parse(request.scopes);
    if scopes.is_err() {
        let known: Vec<&str> = SCOPES.iter().map(|it| it.word()).collect();
        fields.insert("scopes", format!("there is no such scope; there are {}", known.join(", ")));
    } else if scopes.is_ok_and(Scopes::is_empty) {
        fields.insert("scopes", "choose what the token may be used for".to_owned());
    }
    if request.days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        let rule = format!("choose 1 to {MAX_DAYS} days, or no end");
        fields.insert("expires_in_days", rule);
    }
    match (name, scopes) {
        (Ok(name), Ok(scopes)) if fields.is_empty() => Ok((name, scopes)),
        _ => Err(Error::Invalid(fields)),
    }
}

/// The scopes that a token's row holds. A token that is older than scopes has no words and may do all.
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
