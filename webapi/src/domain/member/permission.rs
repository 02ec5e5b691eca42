//! Permissions of members. The table `role_permissions` says which role has which.

/// One thing that a role may allow its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Editing and deleting torrents of other members.
    TorrentEditAny,
    /// Seeing who has finished a torrent.
    TorrentViewSnatches,
    /// The list of members, and what only they themselves see otherwise: sums, transfers, announces, who invited them.
    MemberViewPrivate,
    /// Making links that set the password of a member who has no permission that the maker lacks.
    MemberResetPassword,
    /// Giving roles to members and taking them away.
    MemberAssignRoles,
    /// Keeping members from signing in and announcing.
    MemberDisable,
    /// Making invites.
    InviteCreate,
    /// Taking back invites of other members.
    InviteRevokeAny,
    /// Seeing who is connected.
    SwarmView,
}

/// Every permission.
pub const PERMISSIONS: [Permission; 9] = [
    Permission::TorrentEditAny,
    Permission::TorrentViewSnatches,
    Permission::MemberViewPrivate,
    Permission::MemberResetPassword,
    Permission::MemberAssignRoles,
    Permission::MemberDisable,
    Permission::InviteCreate,
    Permission::InviteRevokeAny,
    Permission::SwarmView,
];

impl Permission {
    /// Its name in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::TorrentEditAny => "torrent.edit_any",
            Self::TorrentViewSnatches => "torrent.view_snatches",
            Self::MemberViewPrivate => "member.view_private",
            Self::MemberResetPassword => "member.reset_password",
            Self::MemberAssignRoles => "member.assign_roles",
            Self::MemberDisable => "member.disable",
            Self::InviteCreate => "invite.create",
            Self::InviteRevokeAny => "invite.revoke_any",
            Self::SwarmView => "swarm.view",
        }
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// Reads words as [`Permission::word`] writes them. Unknown ones are left out: a newer program may have put them
    /// into the database.
    pub fn parse<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Self {
        let known = words
            .into_iter()
            .filter_map(|word| PERMISSIONS.into_iter().find(|permission| permission.word() == word.as_ref()));
        known.collect()
    }

    /// Whether `permission` is in it.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `other` are in it.
    pub fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | permission.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_unknown_ones_are_left_out() {
        let all = Permissions::parse(PERMISSIONS.iter().map(|it| it.word()));
        assert!(PERMISSIONS.into_iter().all(|it| all.has(it)));
        let some = Permissions::parse(["invite.create", "of.tomorrow"]);
        assert_eq!(some, Permissions::from_iter([Permission::InviteCreate]));
        assert!(all.contains(some) && !some.contains(all));
    }
}
