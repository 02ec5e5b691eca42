//! The data of the layout that every page has: the site's path, the member, messages.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::app::App;
use crate::auth::anonymous;
use crate::auth::visitor::Visitor;
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::id::UserId;
use crate::ui::Timestamp;

/// Key, in a session's data, of the messages that wait for the next page.
const FLASH: &str = "flash";

/// What `templates/layout.html` shows around a page.
#[derive(Debug, Clone)]
pub struct PageLayout {
    /// Path that the site lives under: empty, or `/name` without a slash at the end.
    pub base: String,
    /// Version of the static files, part of their addresses.
    pub version: &'static str,
    /// The member who is signed in.
    pub member: Option<LayoutMember>,
    /// The CSRF token, for the hidden field `csrf` and the header `X-CSRF-Token`.
    pub csrf: String,
    /// Messages about the last form, shown once.
    pub flash: Vec<Flash>,
    /// The notice that the member's password was reset, on every page until they dismiss it.
    pub notice: Option<LayoutNotice>,
    /// The entry of the navigation that is marked as current: `torrents`, `upload`, `invites`, `account`, `members` or
    /// `swarm`.
    pub section: &'static str,
    /// The entry of the account's side navigation that is marked as current: `overview`, `transfers`, `doctor`,
    /// `announce-url`, `security` or `tokens`.
    pub account_page: &'static str,
}

/// The member who is signed in, for the navigation.
#[derive(Debug, Clone)]
pub struct LayoutMember {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
    /// Whether the navigation links to the members and the connected peers.
    pub staff: bool,
    /// Whether the member may change roles and disable members.
    pub administrator: bool,
    /// Whether the member may create invites.
    pub inviter: bool,
}

/// When a password was reset, and by whom.
#[derive(Debug, Clone)]
pub struct LayoutNotice {
    /// When the link was used.
    pub at: Timestamp,
    /// Who created the link, as a part of a sentence.
    pub by: String,
}

/// A message that is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flash {
    /// `success`, `info`, `warning` or `error`.
    pub kind: String,
    /// A sentence.
    pub text: String,
    /// Path and text of a link after the message; the path begins with a slash.
    pub link: Option<(String, String)>,
}

impl Flash {
    /// A message without a link.
    pub fn new(kind: &str, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), text: text.into(), link: None }
    }
}

impl PageLayout {
    /// Marks an entry of the navigation as current.
    #[must_use]
    pub fn section(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// Marks an entry of the account's side navigation as current.
    #[must_use]
    pub fn account(self, page: &'static str) -> Self {
        Self { account_page: page, ..self.section("account") }
    }

    /// The layout without a member, for pages that are shown while the database is away.
    pub fn bare(app: &App) -> Self {
        Self {
            base: app.base().to_owned(),
            version: crate::ui::parts::assets::version(),
            member: None,
            csrf: String::new(),
            flash: Vec::new(),
            notice: None,
            section: "",
            account_page: "",
        }
    }

    /// The layout for `visitor`, with the messages that wait for them.
    pub async fn of(
        app: &App,
        visitor: &Visitor,
        session: &Session,
        anonymous: &anonymous::Token,
    ) -> Result<Self, Error> {
        let mut layout = Self::bare(app);
        if let Some(csrf) = visitor.csrf() {
            csrf.clone_into(&mut layout.csrf);
            if session.get_value(FLASH).await?.is_some() {
                layout.flash = session.remove(FLASH).await.ok().flatten().unwrap_or_default();
            }
            let notice = crate::auth::session::notice(session).await?;
            layout.notice = notice.map(|it| LayoutNotice { at: Timestamp(it.at), by: it.by });
        } else {
            anonymous.reveal()?.clone_into(&mut layout.csrf);
        }
        layout.member = visitor.member().map(LayoutMember::from);
        Ok(layout)
    }
}

impl From<&Member> for LayoutMember {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id,
            name: member.name.clone(),
            staff: member.may(Permission::MemberViewPrivate),
            administrator: member.may(Permission::MemberAssignRoles),
            inviter: member.may(Permission::InviteCreate),
        }
    }
}

impl FromRequestParts<App> for PageLayout {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let visitor = Visitor::of(parts, app).await?;
        let session = crate::auth::session::of(parts)?;
        let anonymous = anonymous::Token::of(parts)?;
        Self::of(app, &visitor, &session, &anonymous).await
    }
}

/// [`flash_with`] for a message without a link; `kind` is a [`Flash::kind`].
pub async fn flash(session: &Session, kind: &str, text: impl Into<String>) -> Result<(), Error> {
    flash_with(session, Flash::new(kind, text)).await
}

/// Shows a message on the next page of this session. Does nothing without a session, as for a tool that sends a form
/// with its API token.
pub async fn flash_with(session: &Session, message: Flash) -> Result<(), Error> {
    if crate::auth::session::ticket(session).await?.is_none() {
        return Ok(());
    }
    let mut waiting: Vec<Flash> = session.get(FLASH).await?.unwrap_or_default();
    waiting.push(message);
    Ok(session.insert(FLASH, waiting).await?)
}
