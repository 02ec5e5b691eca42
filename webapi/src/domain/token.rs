//! API tokens: `fw_` and 40 characters that are derived, not stored.

use bt::token::Token;
use deadpool_postgres::GenericClient;
use infra::secrets::Secret;

use crate::app::App;
use crate::auth::Member;
use crate::db;
use crate::db::token::ApiToken;
use crate::error::Error;

/// So that people and secret scanners know a token when they see one.
pub const PREFIX: &str = "fw_";

/// Characters of a token's name at most.
const MAX_NAME: usize = 100;
/// Tokens of one member at most.
const MOST: i64 = 50;

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

/// A token that was just made.
#[derive(Debug)]
pub struct NewToken {
    /// Its row.
    pub row: ApiToken,
    /// The secret, which is shown this once.
    pub text: Secret,
}

/// Makes a token that opens the account of `member` to a tool.
pub async fn create(
    app: &App,
    client: &impl GenericClient,
    member: &Member,
    name: &str,
) -> Result<NewToken, Error> {
    let name = name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains('\0') {
        return Err(Error::field("name", "give the token a name of at most 100 characters, as the tool's"));
    }
    let mut nonce = [0; 16];
    infra::secrets::random(&mut nonce).map_err(anyhow::Error::from)?;
    let Some(row) = db::token::insert(client, member.id, name, &nonce, MOST).await? else {
        let message = format!("you have {MOST} tokens; revoke one that is no longer used");
        return Err(Error::Conflict { code: "too_many_tokens", message });
    };
    let id = u32::try_from(row.id).map_err(|error| Error::Internal(error.into()))?;
    let text = format!("{PREFIX}{}", Token::new(&app.keys.api_token, id, &[&nonce]));
    Ok(NewToken { row, text: text.into() })
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
