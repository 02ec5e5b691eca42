//! API tokens: `fw_` and 40 characters that are derived, not stored.

use bt::token::Token;

/// So that people and secret scanners know a token when they see one.
pub const PREFIX: &str = "fw_";

/// The token in the header `Authorization: Bearer fw_…`. Verify it before believing it.
pub fn parse_authorization(header: &[u8]) -> Option<Token> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii().strip_prefix(PREFIX.as_bytes())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| Token::parse(token))?
}
