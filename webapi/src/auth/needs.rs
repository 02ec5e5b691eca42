//! What a route requires of its visitor: a proof of who they are, and a permission.

use crate::domain::member::permission::Permission;
use crate::domain::member::scope::Scope;

/// What a route requires. The extractors of its handler enforce it, and a test compares each route with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The proofs of identity that the route accepts.
    pub proof: Proof,
    /// The permission that the member's roles must grant.
    pub permission: Option<Permission>,
}

/// The proofs of identity that a route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// None: the route is open to everybody.
    Nothing,
    /// A session or any API token.
    Anyone,
    /// A session, or a token with one of these scopes or `all`.
    Scope(&'static [Scope]),
    /// A session, but no API token.
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

    /// The same requirement, and a permission.
    #[must_use]
    pub const fn and(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// Whether a token with exactly this scope is enough, if its owner has the permission.
    pub fn allows(self, scope: Scope) -> bool {
        match self.proof {
            Proof::Nothing | Proof::Anyone => true,
            Proof::Scope(scopes) => scope == Scope::All || scopes.contains(&scope),
            Proof::Session => false,
        }
    }

    /// The requirement as a sentence for the description of an operation; `None` for a route open to everybody.
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
