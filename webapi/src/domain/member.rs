//! Members: identity, roles and permissions, and the proof by which they signed in.

pub mod account;
pub mod attempts;
pub mod device;
pub mod doctor;
pub mod feed_key;
pub mod invite;
pub mod key;
pub mod password;
pub mod password_reset;
pub mod permission;
pub mod queues;
pub mod requests;
pub mod scope;
pub mod token;
pub mod transfer;

use bt::announce_key::Binding;

use self::permission::{Permission, Permissions};
use self::scope::{Scope, Scopes};
use crate::db::member::user::Account;
use crate::id::{TokenId, UserId};

/// Name of the role that manages members and roles.
pub const ADMINISTRATOR: &str = "administrator";
/// Name of the role that edits and deletes any torrent.
pub const MODERATOR: &str = "moderator";
/// Name of the role that creates invites.
pub const INVITER: &str = "inviter";

/// All names in the table `roles`.
pub const ROLES: [&str; 3] = [ADMINISTRATOR, INVITER, MODERATOR];

/// The proof by which a member signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A session's cookie.
    Cookie,
    /// An API token.
    Token {
        /// The token's id.
        id: TokenId,
        /// The token's scopes.
        scopes: Scopes,
    },
}

impl By {
    /// Whether this proof is enough for an operation that needs `scope`. A session is enough for all operations.
    pub fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Cookie => true,
            Self::Token { scopes, .. } => scopes.allow(scope),
        }
    }
}

/// A member who has signed in.
#[derive(Debug, Clone)]
pub struct Member {
    /// The member's id.
    pub id: UserId,
    /// The member's name, with which they sign in.
    pub name: String,
    /// Names of the member's roles, sorted; none with a token that lacks the scope `all`.
    pub roles: Vec<String>,
    /// Permissions of the roles; none with a token that lacks the scope `all`.
    pub permissions: Permissions,
    /// What the member's announce keys are bound to.
    pub key: Binding,
    /// The proof by which the member signed in.
    pub by: By,
}

/// A member whose password was just verified.
#[derive(Debug)]
pub struct Verified {
    /// The member.
    pub id: UserId,
    /// The member's name, in the case that they chose.
    pub name: String,
    /// The hash of their password, a PHC string.
    pub password_hash: String,
}

impl Member {
    /// The owner of `account`, who signed in by `by`.
    pub fn new(account: Account, by: By) -> Self {
        let Account { id, name, roles, permissions, key, .. } = account;
        let roles = if by.allows(Scope::All) { roles } else { Vec::new() };
        let permissions =
            if by.allows(Scope::All) { Permissions::parse(&permissions) } else { Permissions::default() };
        Self { id, name, roles, permissions, key, by }
    }

    /// Whether the member has `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}
