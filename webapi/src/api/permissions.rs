//! What each operation needs of who asks. The document says it, and a test holds every route to it.

use std::fmt::Write as _;

use crate::domain::scope::{SCOPES, Scope};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nobody has to be signed in.
    Nothing,
    /// A session or any API token.
    Anyone,
    /// A session, or a token with one of these scopes or `all`.
    Scope(&'static [Scope]),
    /// A session: no token does it.
    Session,
}

const READ: Needs = Needs::Scope(&[Scope::Read]);
const FOLLOW: Needs = Needs::Scope(&[Scope::Read, Scope::AnnounceList]);
const DOWNLOAD: Needs = Needs::Scope(&[Scope::Download]);
const UPLOAD: Needs = Needs::Scope(&[Scope::Upload]);
const ALL: Needs = Needs::Scope(&[Scope::All]);

/// Every operation: its method, path and needs. Roles are asked for beside them.
pub const OPERATIONS: &[(&str, &str, Needs)] = &[
    ("GET", "/api/feed-keys", ALL),
    ("POST", "/api/feed-keys", Needs::Session),
    ("GET", "/api/feed-keys/{id}", ALL),
    ("DELETE", "/api/feed-keys/{id}", ALL),
    ("GET", "/api/invites", ALL),
    ("POST", "/api/invites", ALL),
    ("GET", "/api/invites/{secret}", Needs::Nothing),
    ("POST", "/api/invites/{secret}", Needs::Nothing),
    ("DELETE", "/api/invites/{secret}", ALL),
    ("GET", "/api/live", FOLLOW),
    ("GET", "/api/openapi.json", Needs::Nothing),
    ("GET", "/api/password-resets/{secret}", Needs::Nothing),
    ("POST", "/api/password-resets/{secret}", Needs::Nothing),
    ("GET", "/api/roles", READ),
    ("GET", "/api/session", Needs::Anyone),
    ("POST", "/api/session", Needs::Nothing),
    ("DELETE", "/api/session", ALL),
    ("DELETE", "/api/session/password-reset", ALL),
    ("GET", "/api/sessions", ALL),
    ("DELETE", "/api/sessions", ALL),
    ("DELETE", "/api/sessions/{id}", ALL),
    ("GET", "/api/swarm", ALL),
    ("GET", "/api/tokens", ALL),
    ("POST", "/api/tokens", Needs::Session),
    ("GET", "/api/tokens/{id}", ALL),
    ("DELETE", "/api/tokens/{id}", ALL),
    ("GET", "/api/torrents", FOLLOW),
    ("POST", "/api/torrents", UPLOAD),
    ("GET", "/api/torrents/{id}", READ),
    ("PATCH", "/api/torrents/{id}", UPLOAD),
    ("DELETE", "/api/torrents/{id}", UPLOAD),
    ("GET", "/api/torrents/{id}/files", READ),
    ("GET", "/api/torrents/{id}/history", READ),
    ("GET", "/api/torrents/{id}/metainfo", DOWNLOAD),
    ("GET", "/api/torrents/{id}/snatches", ALL),
    ("GET", "/api/users", ALL),
    ("GET", "/api/users/{id}", READ),
    ("PATCH", "/api/users/{id}", Needs::Session),
    ("GET", "/api/users/{id}/announce-key", DOWNLOAD),
    ("POST", "/api/users/{id}/announce-key", Needs::Session),
    ("GET", "/api/users/{id}/announces", READ),
    ("GET", "/api/users/{id}/connections", READ),
    ("GET", "/api/users/{id}/invites", ALL),
    ("POST", "/api/users/{id}/invites", ALL),
    ("PUT", "/api/users/{id}/password", Needs::Session),
    ("POST", "/api/users/{id}/password-resets", Needs::Session),
    ("GET", "/api/users/{id}/roles", READ),
    ("PUT", "/api/users/{id}/roles", Needs::Session),
    ("GET", "/api/users/{id}/transfers", READ),
];

/// What the operation with this method (`GET`) and path (`/api/users/{id}`) needs; none where it is not listed.
pub fn needs(method: &str, path: &str) -> Option<Needs> {
    OPERATIONS.iter().find(|it| it.0 == method && it.1 == path).map(|it| it.2)
}

impl Needs {
    /// Whether a token with exactly this scope does.
    pub fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Nothing | Self::Anyone => true,
            Self::Scope(scopes) => scope == Scope::All || scopes.contains(&scope),
            Self::Session => false,
        }
    }

    /// For the description of the operation.
    pub fn sentence(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Anyone => Some("Any API token will do.".to_owned()),
            Self::Session => Some("Not with an API token: it needs a session.".to_owned()),
            Self::Scope(scopes) => {
                let words: Vec<String> = scopes.iter().map(|it| format!("`{it}`")).collect();
                Some(format!("API tokens need the scope {}.", words.join(" or ")))
            }
        }
    }
}

/// The matrix of operations and scopes, as Markdown.
pub fn matrix() -> String {
    let mut text = "What an API token may be used for. A token without the scope `all` brings none of its owner's \
                    roles. An expired one is answered with 401 and `token_expired`, one without the scope with 403 and \
                    `token_scope`, and with 403 and `session_only` where no token will do: none makes tokens or feed \
                    keys, changes or resets a password, changes roles, disables a member, or resets a key.\n\n"
        .to_owned();
    for scope in SCOPES {
        let _ = writeln!(text, "- `{scope}`: {}", scope.description());
    }
    text.push_str("\n| operation |");
    for scope in SCOPES {
        let _ = write!(text, " {scope} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(SCOPES.len()));
    for (method, path, needs) in OPERATIONS {
        let _ = write!(text, "\n| `{method} {path}` |");
        for scope in SCOPES {
            text.push_str(if needs.allows(scope) { " yes |" } else { " |" });
        }
    }
    text
}
