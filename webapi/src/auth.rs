//! Who sent a request: extractors for members and their permissions, sessions, CSRF tokens.

pub mod account;
pub mod anonymous;
pub mod csrf;
pub mod device;
pub mod needs;
pub mod permitted;
pub mod scoped;
pub mod session;
pub mod visitor;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

pub use csrf::{Checked, CheckedJson, CsrfChecked, Guard};
pub use permitted::{
    InviteCreator, MemberDisabler, MemberViewer, PasswordResetter, RoleAssigner, SnatchViewer, SwarmViewer,
};
pub use scoped::{Bearer, Downloader, ListFollower, Publisher, Reader, SignedIn};

use crate::app::App;
use crate::domain::member::Member;
use crate::domain::member::scope::Scope;
use crate::error::Error;

/// Refuses visitors who are not signed in, disabled members, and API tokens without the scope `all`. A handler that
/// accepts tokens of other scopes uses an extractor of [`scoped`].
impl FromRequestParts<App> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        scoped::member(parts, app, &[Scope::All]).await
    }
}
