//! What the layout of every page knows: where the site is, who is signed in, what just happened.

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

/// The session's place for messages that wait for the next page.
const FLASH: &str = "flash";

/// Goes into the layout.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Path that the site lives under: empty, or `/name` without a slash at the end.
    pub base: String,
    /// Changes with the static files.
    pub version: &'static str,
    /// Who is signed in.
    pub member: Option<FrameMember>,
    /// For the hidden field `csrf` and the header `X-CSRF-Token`.
    pub csrf: String,
    /// Messages about what the last form did.
    pub flash: Vec<Flash>,
    /// That the member's password was reset, on every page until they dismiss it.
    pub notice: Option<FrameNotice>,
    /// The word of the navigation that is marked: `torrents`, `upload`, `invites`, `account`, `members`, `swarm`.
    pub section: &'static str,
    /// The word of the account's rail that is marked: `overview`, `transfers`, `doctor`, `announce-url`, `security`,
    /// `tokens`.
    pub account_page: &'static str,
}

/// The one who is signed in, for the navigation.
#[derive(Debug, Clone)]
pub struct FrameMember {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
    /// May see the members and who is connected.
    pub staff: bool,
    /// May change roles and disable members.
    pub administrator: bool,
    /// May create invites.
    pub inviter: bool,
}

/// When a password was reset, and by whom.
#[derive(Debug, Clone)]
pub struct FrameNotice {
    /// When the link was used.
    pub at: Timestamp,
    /// Who made the link, in the words of a sentence.
    pub by: String,
}

/// A message that is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flash {
    /// `success`, `info`, `warning` or `error`.
    pub kind: String,
    /// A sentence.
    pub text: String,
    /// A page that it points to, beginning with a slash, and the words of the link.
    pub link: Option<(String, String)>,
}

impl Flash {
    /// A message without a link.
    pub fn new(kind: &str, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), text: text.into(), link: None }
    }
}

impl Frame {
    /// Marks a word of the navigation.
    #[must_use]
    pub fn section(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// Marks a word of the account's rail.
    #[must_use]
    pub fn account(self, page: &'static str) -> Self {
        Self { account_page: page, ..self.section("account") }
    }

    /// For pages that are shown while the database is away: nobody is known to be signed in.
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

    /// For `visitor`, with the messages that wait for them.
    pub async fn of(
        app: &App,
        visitor: &Visitor,
        session: &Session,
        anonymous: &anonymous::Token,
    ) -> Result<Self, Error> {
        let mut frame = Self::bare(app);
        if let Some(csrf) = visitor.csrf() {
            csrf.clone_into(&mut frame.csrf);
            if session.get_value(FLASH).await?.is_some() {
                frame.flash = session.remove(FLASH).await.ok().flatten().unwrap_or_default();
            }
            let notice = crate::auth::session::notice(session).await?;
            frame.notice = notice.map(|it| FrameNotice { at: Timestamp(it.at), by: it.by });
        } else {
            anonymous.reveal()?.clone_into(&mut frame.csrf);
        }
        frame.member = visitor.member().map(FrameMember::from);
        Ok(frame)
    }
}

impl From<&Member> for FrameMember {
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

impl FromRequestParts<App> for Frame {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let visitor = Visitor::of(parts, app).await?;
        let session = crate::auth::session::of(parts)?;
        let anonymous = anonymous::Token::of(parts)?;
        Self::of(app, &visitor, &session, &anonymous).await
    }
}

/// As [`flash_with`], without a link. `kind`: see [`Flash::kind`].
pub async fn flash(session: &Session, kind: &str, text: impl Into<String>) -> Result<(), Error> {
    flash_with(session, Flash::new(kind, text)).await
}

/// Shows a message on the next page of this visitor. A tool that sends a form with its token has no session, and reads
/// no page: it is shown none.
pub async fn flash_with(session: &Session, message: Flash) -> Result<(), Error> {
    if crate::auth::session::ticket(session).await?.is_none() {
        return Ok(());
    }
    let mut waiting: Vec<Flash> = session.get(FLASH).await?.unwrap_or_default();
    waiting.push(message);
    Ok(session.insert(FLASH, waiting).await?)
}
