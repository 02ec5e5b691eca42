//! `/invites`: a member's invites, and the page that claims one.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use infra::secrets::Secret;
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::App;
use crate::auth::needs::{ALL, NOTHING};
use crate::auth::{self, Checked, InviteCreator};
use crate::db;
use crate::db::member::invite::Invite;
use crate::domain::cursor;
use crate::domain::member::Member;
use crate::domain::member::attempts::Caller;
use crate::domain::member::invite::{self, State as InviteState};
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::extract::{Paging, Segment};
use crate::id::InviteId;
use crate::routes::Routes;
use crate::ui::member::dead_link::dead_link;
use crate::ui::member::session::Nothing;
use crate::ui::parts::layout::flash_with;
use crate::ui::{Faults, Flash, PageLayout, Timestamp, flash, page, page_again, redirect};

/// Heading of the page for an invite that can no longer be claimed.
const DEAD_LINK: &str = "This invite is no longer open";

/// The routes of the pages and of their forms.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/invites", ALL.and(Permission::InviteCreate), get(list))
        .page(Method::POST, "/invites", ALL.and(Permission::InviteCreate), post(create))
        .page(Method::GET, "/invites/{secret}", NOTHING, get(show))
        .page(Method::POST, "/invites/{secret}", NOTHING, post(claim))
        .page(Method::POST, "/invites/{secret}/revoke", ALL, post(revoke))
}

#[derive(askama::Template)]
#[template(path = "invite/list.html")]
struct ListPage {
    layout: PageLayout,
    faults: Faults,
    days: u32,
    /// The note that the form keeps, where the invite could not be made.
    note: String,
    open: i64,
    most: u32,
    invites: Vec<Item>,
    newer: Option<String>,
    older: Option<String>,
}

struct Item {
    id: InviteId,
    url: String,
    secret: String,
    state: &'static str,
    note: Option<String>,
    claimed_by: Option<String>,
    created: Timestamp,
    expires: Timestamp,
}

#[derive(askama::Template)]
#[template(path = "invite/claim.html")]
struct ClaimPage {
    layout: PageLayout,
    faults: Faults,
    secret: String,
    username: String,
}

#[derive(Deserialize)]
struct NewInvite {
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
struct Claim {
    username: String,
    password: Secret,
}

async fn list(
    State(app): State<App>,
    InviteCreator(member): InviteCreator,
    layout: PageLayout,
    paging: Paging,
) -> Result<Response, Error> {
    page(list_page(&app, &member, layout, &paging).await?)
}

async fn list_page(
    app: &App,
    member: &Member,
    layout: PageLayout,
    paging: &Paging,
) -> Result<ListPage, Error> {
    let (limit, before) = (paging.limit(), paging.after()?);
    let client = app.connection().await?;
    let mut found = db::member::invite::list(&client, member.id, before, limit + 1).await?;
    let next = cursor::cut(&mut found, limit, |last| last.id)?;
    Ok(ListPage {
        layout: layout.section("invites"),
        faults: Faults::default(),
        days: app.config.webapi.invite_days,
        note: String::new(),
        open: db::member::invite::count_open(&client, member.id).await?,
        most: app.config.webapi.open_invites,
        invites: found.iter().map(|row| item(app, row)).collect(),
        newer: (!paging.is_first()).then(|| "/invites".to_owned()),
        older: next.map(|next| format!("/invites?after={next}")),
    })
}

async fn create(
    State(app): State<App>,
    InviteCreator(member): InviteCreator,
    layout: PageLayout,
    session: Session,
    Checked(form): Checked<NewInvite>,
) -> Result<Response, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    match invite::create(&transaction, &app.invite_limits(), &member, &form.note).await {
        Ok(_) => {
            transaction.commit().await?;
            let said = "The invite is ready. Copy its link and send it to one person you trust.";
            flash(&session, "success", said).await?;
            Ok(redirect(&app, "/invites"))
        }
        Err(error) => {
            drop(transaction);
            drop(client);
            let (faults, error) = Faults::of(error)?;
            let list = list_page(&app, &member, layout, &Paging::default()).await?;
            page_again(ListPage { faults, note: form.note, ..list }, &error)
        }
    }
}

async fn revoke(
    State(app): State<App>,
    member: Member,
    Segment(secret): Segment,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let row = invite::find(&app.keys, &client, &secret).await?;
    match invite::revoke(&client, &member, &row).await {
        Ok(()) => flash(&session, "success", "The invite is revoked. Its link no longer works.").await?,
        Err(error @ Error::Conflict { .. }) => flash(&session, "error", error.sentence()).await?,
        Err(error) => return Err(error),
    }
    Ok(redirect(&app, "/invites"))
}

async fn show(
    State(app): State<App>,
    layout: PageLayout,
    Segment(secret): Segment,
) -> Result<Response, Error> {
    let row = invite::find(&app.keys, &app.connection().await?, &secret).await?;
    if let Some(refusal) = InviteState::of(&row).refusal() {
        return dead_link(layout, DEAD_LINK, &Error::Gone(refusal));
    }
    page(ClaimPage { layout, faults: Faults::default(), secret, username: String::new() })
}

async fn claim(
    State(app): State<App>,
    caller: Caller,
    Segment(secret): Segment,
    layout: PageLayout,
    session: Session,
    headers: HeaderMap,
    Checked(form): Checked<Claim>,
) -> Result<Response, Error> {
    let Claim { username, password } = form;
    let fields = (username.trim(), password);
    let error = match auth::account::claim_invite(&app, &secret, fields, &caller).await {
        Ok(new) => {
            auth::session::start(&app, &session, &new, &headers).await?;
            let welcome = welcome(&app, &session, &new.name).await?;
            return Ok((Extension(caller.remember(&app, &new)?), welcome).into_response());
        }
        Err(error @ Error::Gone(_)) => return dead_link(layout, DEAD_LINK, &error),
        Err(error) => error,
    };
    let (faults, error) = Faults::of(error)?;
    page_again(ClaimPage { layout, faults, secret, username }, &error)
}

/// Leads a new member to the torrents, with messages that point to their first steps.
async fn welcome(app: &App, session: &Session, name: &str) -> Result<Response, Error> {
    let link = |path: &str, words: &str| Some((path.to_owned(), words.to_owned()));
    let mut hello = Flash::new("success", format!("Welcome, {name}. Your clients announce with"));
    hello.link = link("/account/announce-url", "your own announce URL");
    flash_with(session, hello).await?;
    let mut first = Flash::new("info", "Download what you like, or share something of your own:");
    first.link = link("/upload", "upload a torrent");
    flash_with(session, first).await?;
    Ok(redirect(app, "/"))
}

fn item(app: &App, row: &Invite) -> Item {
    Item {
        id: row.id,
        url: invite::url(&app.keys, app.site(), row),
        secret: invite::secret(&app.keys, row),
        state: InviteState::of(row).word(),
        note: row.note.clone(),
        claimed_by: row.claimed_by.clone(),
        created: Timestamp(row.created_at),
        expires: Timestamp(row.expires_at),
    }
}
