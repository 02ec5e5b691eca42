//! `/members`: the list of members, and a page for each.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::{Checked, MemberDisabler, MemberViewer, RoleAssigner};
use crate::db;
use crate::db::member::user::Profile;
use crate::domain::cursor;
use crate::domain::member::Member;
use crate::domain::member::password_reset;
use crate::domain::member::permission::{Permission, Permissions};
use crate::domain::staff::role;
use crate::error::Error;
use crate::extract::{Id, Paging, Query};
use crate::id::{Named, UserId};
use crate::routes::Routes;
use crate::ui::member::session::Nothing;
use crate::ui::member::transfer::Sums;
use crate::ui::{Faults, PageLayout, Timestamp, flash, page, page_again, redirect};

/// The routes of the pages and of their forms.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/members", ALL.and(Permission::MemberViewPrivate), get(list))
        .page(Method::GET, "/members/{id}", ALL, get(show))
        .page(
            Method::POST,
            "/members/{id}/roles",
            SESSION.and(Permission::MemberAssignRoles),
            post(replace_roles),
        )
        .page(Method::POST, "/members/{id}/disable", SESSION.and(Permission::MemberDisable), post(disable))
        .page(Method::POST, "/members/{id}/enable", SESSION.and(Permission::MemberDisable), post(enable))
}

#[derive(askama::Template)]
#[template(path = "member/list.html")]
struct ListPage {
    layout: PageLayout,
    search: String,
    total: i64,
    members: Vec<Item>,
    newer: Option<String>,
    older: Option<String>,
}

struct Item {
    id: UserId,
    name: String,
    roles: Vec<String>,
    disabled: bool,
    torrents: i64,
    sums: Sums,
    created: Timestamp,
}

#[derive(askama::Template)]
#[template(path = "member/show.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows or hides a part of the page")]
struct ShowPage {
    layout: PageLayout,
    faults: Faults,
    member: Item,
    inviter: Option<Named<UserId>>,
    roles: Vec<RoleChoice>,
    /// Whether the visitor may change roles and disable the member.
    administrator: bool,
    staff: bool,
    own: bool,
    /// Whether the visitor may create a reset link for the member.
    may_reset: bool,
}

struct RoleChoice {
    name: String,
    description: String,
    held: bool,
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    search: String,
}

async fn list(
    State(app): State<App>,
    _: MemberViewer,
    layout: PageLayout,
    Query(parameters): Query<Search>,
    paging: Paging,
) -> Result<Response, Error> {
    let (limit, after, search) = (paging.limit(), paging.after::<String>()?, parameters.search.trim());
    let client = app.connection().await?;
    let mut found = db::member::user::list(&client, search, after.as_deref(), limit + 1).await?;
    let next = cursor::cut(&mut found, limit, |last| last.account.name.clone())?;
    let here = format!("/members?search={}", utf8_percent_encode(search, NON_ALPHANUMERIC));
    page(ListPage {
        layout: layout.section("members"),
        search: search.to_owned(),
        total: db::member::user::count(&client, search).await?,
        members: found.into_iter().map(item).collect(),
        newer: after.map(|_| here.clone()),
        older: next.map(|next| format!("{here}&after={next}")),
    })
}

async fn show(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    Id(id): Id<UserId>,
) -> Result<Response, Error> {
    page(show_page(&app, &member, layout, id, Faults::default()).await?)
}

async fn replace_roles(
    State(app): State<App>,
    RoleAssigner(member): RoleAssigner,
    layout: PageLayout,
    session: Session,
    Id(id): Id<UserId>,
    Checked(form): Checked<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let chosen: Vec<String> = form.into_iter().filter(|(key, _)| key == "role").map(|(_, it)| it).collect();
    match replace(&app, id, &chosen).await {
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            let mut again = show_page(&app, &member, layout, id, faults).await?;
            for role in &mut again.roles {
                role.held = chosen.contains(&role.name);
            }
            page_again(again, &error)
        }
        done => settle(&app, &member, layout, &session, id, done, "The roles are saved.").await,
    }
}

async fn disable(
    State(app): State<App>,
    MemberDisabler(by): MemberDisabler,
    layout: PageLayout,
    session: Session,
    Id(id): Id<UserId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let result = set_disabled(&app, &by, id, true).await;
    let said = "The account is disabled. Its sessions, API tokens and open invites have ended.";
    settle(&app, &by, layout, &session, id, result, said).await
}

async fn enable(
    State(app): State<App>,
    MemberDisabler(by): MemberDisabler,
    layout: PageLayout,
    session: Session,
    Id(id): Id<UserId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let result = set_disabled(&app, &by, id, false).await;
    settle(&app, &by, layout, &session, id, result, "The account is enabled again.").await
}

async fn replace(app: &App, id: UserId, roles: &[String]) -> Result<(), Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    role::replace(&transaction, id, roles).await?;
    Ok(transaction.commit().await?)
}

async fn set_disabled(app: &App, by: &Member, id: UserId, disabled: bool) -> Result<(), Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    role::set_disabled(&transaction, by.id, id, disabled).await?;
    transaction.commit().await?;
    app.announce_departure(id);
    Ok(())
}

/// Redirects to the member's page with a message: what was done, or why not.
async fn settle(
    app: &App,
    reader: &Member,
    layout: PageLayout,
    session: &Session,
    id: UserId,
    result: Result<(), Error>,
    said: &str,
) -> Result<Response, Error> {
    match result {
        Ok(()) => {
            flash(session, "success", said).await?;
            Ok(redirect(app, &format!("/members/{id}")))
        }
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            page_again(show_page(app, reader, layout, id, faults).await?, &error)
        }
    }
}

async fn show_page(
    app: &App,
    reader: &Member,
    layout: PageLayout,
    id: UserId,
    faults: Faults,
) -> Result<ShowPage, Error> {
    let client = app.connection().await?;
    let profile = db::member::user::profile(&client, id).await?.ok_or(Error::NotFound("member"))?;
    let roles = db::staff::role::all(&client).await?.into_iter().map(|it| RoleChoice {
        held: profile.account.roles.contains(&it.name),
        name: it.name,
        description: it.description,
    });
    let may_reset = reader.id != id
        && password_reset::is_allowed(reader.permissions, Permissions::parse(&profile.account.permissions));
    Ok(ShowPage {
        layout: layout.section(if reader.may(Permission::MemberViewPrivate) { "members" } else { "" }),
        faults,
        roles: roles.collect(),
        inviter: profile.inviter.clone(),
        member: item(profile),
        administrator: reader.may(Permission::MemberAssignRoles),
        staff: reader.may(Permission::MemberViewPrivate),
        own: reader.id == id,
        may_reset,
    })
}

fn item(profile: Profile) -> Item {
    let Profile { account, torrents, totals, .. } = profile;
    Item {
        id: account.id,
        name: account.name,
        roles: account.roles,
        disabled: account.disabled_at.is_some(),
        torrents,
        sums: totals.into(),
        created: Timestamp(account.created_at),
    }
}
