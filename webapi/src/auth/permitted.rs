//! Extractors that ask for one permission each. API tokens need the scope `all` for it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::SignedIn;
use crate::app::App;
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::error::Error;

const STAFF: Error = Error::Forbidden("this is for moderators and administrators");
const ADMINISTRATORS: Error = Error::Forbidden("this is for administrators");
const INVITERS: Error = Error::Forbidden("this is for members who may invite");

fn check(member: Member, permission: Permission, refusal: Error) -> Result<Member, Error> {
    if member.may(permission) { Ok(member) } else { Err(refusal) }
}

macro_rules! extractors {
    ($($(#[$doc:meta])+ $name:ident: $permission:ident, $proof:ident, $refusal:ident;)+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone)]
            pub struct $name(pub Member);

            impl FromRequestParts<App> for $name {
                type Rejection = Error;

                async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
                    let member = $proof(parts, app).await?;
                    check(member, Permission::$permission, $refusal).map(Self)
                }
            }
        )+
    };
}

async fn any(parts: &mut Parts, app: &App) -> Result<Member, Error> {
    Member::from_request_parts(parts, app).await
}

async fn session(parts: &mut Parts, app: &App) -> Result<Member, Error> {
    SignedIn::from_request_parts(parts, app).await.map(|SignedIn(member)| member)
}

extractors! {
    /// A member with [`Permission::TorrentViewSnatches`].
    SnatchViewer: TorrentViewSnatches, any, STAFF;
    /// A member with [`Permission::MemberViewPrivate`].
    MemberViewer: MemberViewPrivate, any, STAFF;
    /// A member with [`Permission::MemberResetPassword`] and a session.
    PasswordResetter: MemberResetPassword, session, STAFF;
    /// A member with [`Permission::MemberAssignRoles`] and a session.
    RoleAssigner: MemberAssignRoles, session, ADMINISTRATORS;
    /// A member with [`Permission::MemberDisable`] and a session.
    MemberDisabler: MemberDisable, session, ADMINISTRATORS;
    /// A member with [`Permission::InviteCreate`].
    InviteCreator: InviteCreate, any, INVITERS;
    /// A member with [`Permission::SwarmView`].
    SwarmViewer: SwarmView, any, STAFF;
}
