//! Ids of rows, one type for each table, so that the compiler refuses an id of another table.

use std::error::Error;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use utoipa::ToSchema;

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident)+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
            #[serde(transparent)]
            pub struct $name(pub i32);

            impl $name {
                /// The id as announce keys and the tracker's messages write it. Postgres gives out no id below 1.
                pub fn unsigned(self) -> u32 {
                    self.0.cast_unsigned()
                }

                /// The id read from a key or a message; `None` above 2^31 - 1, which no row has.
                pub fn from_unsigned(id: u32) -> Option<Self> {
                    id.try_into().ok().map(Self)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl FromStr for $name {
                type Err = ParseIntError;

                fn from_str(text: &str) -> Result<Self, ParseIntError> {
                    text.parse().map(Self)
                }
            }

            impl ToSql for $name {
                fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                    self.0.to_sql(ty, out)
                }

                fn accepts(ty: &Type) -> bool {
                    <i32 as ToSql>::accepts(ty)
                }

                to_sql_checked!();
            }

            impl<'a> FromSql<'a> for $name {
                fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                    i32::from_sql(ty, raw).map(Self)
                }

                fn accepts(ty: &Type) -> bool {
                    <i32 as FromSql<'_>>::accepts(ty)
                }
            }
        )+
    };
}

ids! {
    /// Id of a member: a row of `users`.
    UserId
    /// Id of a row of `torrents`; later uploads have larger ids.
    TorrentId
    /// Id of an API token: a row of `api_tokens`.
    TokenId
    /// Id of a row of `feed_keys`.
    FeedKeyId
    /// Id of a row of `invites`.
    InviteId
    /// Id of a link that sets a new password: a row of `password_resets`.
    PasswordResetId
    /// Public id of a row of `sessions`, shown in its owner's list. It reveals nothing of the cookie.
    SessionId
}

/// A row by its id and its name or title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<I> {
    /// The row's id.
    pub id: I,
    /// A member's name, or a torrent's title.
    pub name: String,
}
