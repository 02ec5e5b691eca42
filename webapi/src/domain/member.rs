//! Members as the rules see them: who they are, their roles, and how they proved it.

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
pub mod requests;
pub mod scope;
pub mod token;
pub mod transfer;

use bt::announce_key::Binding;

use self::permission::{Permission, Permissions};
use self::scope::{Scope, Scopes};
use crate::db::member::user::Account;
use crate::id::{TokenId, UserId};

/// The role that manages members and roles.
pub const ADMINISTRATOR: &str = "administrator";
/// The role that keeps the torrents in order.
pub const MODERATOR: &str = "moderator";
/// The role that creates invites.
pub const INVITER: &str = "inviter";

/// All roles: the rows of the table `roles`.
pub const ROLES: [&str; 3] = [ADMINISTRATOR, INVITER, MODERATOR];

/// How a member proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// With the session's cookie.
    Cookie,
    /// With an API token.
    Token {
        /// The token's row.
        id: TokenId,
        /// What it may be used for.
        scopes: Scopes,
    },
}

impl By {
    /// Whether this proof is enough for an operation that needs `scope`. A session is enough for every one.
    pub fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Cookie => true,
            Self::Token { scopes, .. } => scopes.allow(scope),
        }
    }
}

/// A member who proved who they are.
#[derive(Debug, Clone)]
pub struct Member {
    /// Their row in the table `users`.
    pub id: UserId,
    /// The name that they sign in with.
    pub name: String,
    /// Names from the table `roles`, sorted. A token of fewer scopes than `all` brings none.
    pub roles: Vec<String>,
    /// What the roles allow. A token of fewer scopes than `all` brings none.
    pub permissions: Permissions,
    /// What their announce keys are bound to.
    pub key: Binding,
    /// How they proved it.
    pub by: By,
}

impl Member {
    /// `account` after its owner proved who they are.
    pub fn new(account: Account, by: By) -> Self {
        let Account { id, name, roles, permissions, key, .. } = account;
        let roles = if by.allows(Scope::All) { roles } else { Vec::new() };
        let permissions =
            if by.allows(Scope::All) { Permissions::parse(&permissions) } else { Permissions::default() };
        Self { id, name, roles, permissions, key, by }
    }

    /// Whether their roles allow `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}
