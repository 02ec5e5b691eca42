//! What a route asks of its visitor: a way to prove who they are, and a permission.

use crate::domain::member::permission::Permission;
use crate::domain::member::scope::Scope;

/// What a route needs. The extractors of its handler enforce it, and a test holds each route to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// How visitors prove who they are.
    pub proof: Proof,
    /// What their roles must allow.
    pub permission: Option<Permission>,
}

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// None: the route is open to everybody.
    Nothing,
    /// A session or any API token.
    Anyone,
    /// A session, or a token with one of these scopes or `all`.
    Scope(&'static [Scope]),
    /// A session: no token does.
    Session,
}

/// Open to everybody.
pub const NOTHING: Needs = Needs::new(Proof::Nothing);
/// A session or any API token.
pub const ANYONE: Needs = Needs::new(Proof::Anyone);
/// A session, or a token with the scope `read`.
pub const READ: Needs = Needs::new(Proof::Scope(&[Scope::Read]));
/// A session, or a token with the scope `read` or `announce-list`.
pub const FOLLOW: Needs = Needs::new(Proof::Scope(&[Scope::Read, Scope::AnnounceList]));
/// A session, or a token with the scope `download`.
pub const DOWNLOAD: Needs = Needs::new(Proof::Scope(&[Scope::Download]));
/// A session, or a token with the scope `upload`.
pub const UPLOAD: Needs = Needs::new(Proof::Scope(&[Scope::Upload]));
/// A session, or a token with the scope `all`.
pub const ALL: Needs = Needs::new(Proof::Scope(&[Scope::All]));
/// A session.
pub const SESSION: Needs = Needs::new(Proof::Session);

impl Needs {
    const fn new(proof: Proof) -> Self {
        Self { proof, permission: None }
    }

    /// The same, and a permission.
    #[must_use]
    pub const fn and(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// Whether a token with exactly this scope is enough, of an owner with the permission.
    pub fn allows(self, scope: Scope) -> bool {
        match self.proof {
            Proof::Nothing | Proof::Anyone => true,
            Proof::Scope(scopes) => scope == Scope::All || scopes.contains(&scope),
            Proof::Session => false,
        }
    }

    /// For the description of an operation.
    pub fn sentence(self) -> Option<String> {
        match self.proof {
            Proof::Nothing => None,
            Proof::Anyone => Some("Any API token will do.".to_owned()),
            Proof::Session => Some("Not with an API token: it needs a session.".to_owned()),
            Proof::Scope(scopes) => {
                let words: Vec<String> = scopes.iter().map(|it| format!("`{it}`")).collect();
                Some(format!("API tokens need the scope {}.", words.join(" or ")))
            }
        }
    }
}
