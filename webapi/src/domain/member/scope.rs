//! What an API token may be used for.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// One thing that a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Looking: torrents, members, one's own transfers and announces.
    Read,
    /// Downloading .torrent files, which hold one's announce URL, and that URL itself.
    Download,
    /// Uploading torrents, changing and deleting one's own.
    Upload,
    /// The download queue. No operation needs it yet.
    Queue,
    /// The list of torrents and live events, to follow what is new. Nothing about members.
    AnnounceList,
    /// All that a token may do, with the roles of its owner.
    All,
}

/// Every scope, in the order in which pages and documents list them.
pub const SCOPES: [Scope; 6] =
    [Scope::Read, Scope::Download, Scope::Upload, Scope::Queue, Scope::AnnounceList, Scope::All];

impl Scope {
    /// Its name in JSON, forms and the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Queue => "queue",
            Self::AnnounceList => "announce-list",
            Self::All => "all",
        }
    }

    /// What it allows, as the page of tokens says it.
    pub fn description(self) -> &'static str {
        match self {
            Self::Read => "Look at torrents and members, and at your own transfers and announces",
            Self::Download => "Download .torrent files and read your announce URL",
            Self::Upload => "Upload torrents, change and delete your own",
            Self::Queue => "Use the download queue. This site has none yet: the scope opens nothing",
            Self::AnnounceList => "Follow the list of torrents and its live numbers, and see nothing else",
            Self::All => "All of the above and invites, with all your roles",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// The set of [`Scope::All`] alone.
    pub const ALL: Self = Self(1 << Scope::All as u8);

    /// Reads words as [`Scope::word`] writes them.
    ///
    /// # Errors
    /// The first word that names no scope.
    pub fn parse<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Result<Self, T> {
        let mut set = Self::default();
        for word in words {
            match SCOPES.iter().find(|it| it.word() == word.as_ref()) {
                Some(scope) => set.0 |= scope.bit(),
                None => return Err(word),
            }
        }
        Ok(set)
    }

    /// Whether what needs `scope` is allowed: `all` holds every other scope.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::All.bit()) != 0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its scopes, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        SCOPES.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Its scopes as words, in order.
    pub fn words(self) -> Vec<&'static str> {
        self.iter().map(Scope::word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_allows_its_own_and_all_allows_each() {
        let set = Scopes::parse(["announce-list", "read", "read"]).expect("scopes");
        assert_eq!(set.words(), ["read", "announce-list"]);
        for scope in SCOPES {
            assert_eq!(set.allow(scope), matches!(scope, Scope::Read | Scope::AnnounceList), "{scope}");
            assert!(Scopes::ALL.allow(scope), "{scope}");
            assert!(!Scopes::default().allow(scope), "{scope}");
        }
    }

    #[test]
    fn unknown_words_are_named() {
        assert_eq!(Scopes::parse(["read", "write"]), Err("write"));
        assert!(Scopes::parse([""; 0]).is_ok_and(Scopes::is_empty));
    }

    #[test]
    fn json_uses_the_same_words() {
        for scope in SCOPES {
            assert_eq!(serde_json::to_value(scope).expect("JSON"), scope.word());
        }
    }
}
