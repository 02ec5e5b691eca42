//! `/reset/{secret}`: the page of a link that sets a new password. `/members/{id}/reset-password`: makes such a link.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use infra::secrets::Secret;
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::App;
use crate::auth::needs::{ALL, NOTHING, SESSION};
use crate::auth::{self, Checked, PasswordResetter};
use crate::db;
use crate::domain::member::Member;
use crate::domain::member::attempts::Caller;
use crate::domain::member::password_reset::{self, Found};
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::extract::{Id, SecretSegment};
use crate::id::UserId;
use crate::routes::Routes;
use crate::ui::member::account::back_to;
use crate::ui::member::dead_link::dead_link;
use crate::ui::member::session::Nothing;
use crate::ui::parts::password::typed_twice;
use crate::ui::{Faults, PageLayout, Timestamp, page, page_again, redirect};

/// Heading of the page for a link that can no longer set a password.
const DEAD_LINK: &str = "This link no longer works";

/// The routes of the pages and of their forms.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/reset/{secret}", NOTHING, get(show))
        .page(Method::POST, "/reset/{secret}", NOTHING, post(apply))
        .page(
            Method::GET,
            "/members/{id}/reset-password",
            SESSION.and(Permission::MemberResetPassword),
            get(ask),
        )
        .page(
            Method::POST,
            "/members/{id}/reset-password",
            SESSION.and(Permission::MemberResetPassword),
            post(create),
        )
        .page(Method::GET, "/account/password-reset/dismiss", ALL, back_to("/account/security"))
        .page(Method::POST, "/account/password-reset/dismiss", ALL, post(dismiss))
}

#[derive(askama::Template)]
#[template(path = "password_reset/show.html")]
struct ShowPage {
    layout: PageLayout,
    faults: Faults,
    secret: Secret,
    name: String,
}

#[derive(askama::Template)]
#[template(path = "password_reset/ask.html")]
struct AskPage {
    layout: PageLayout,
    id: UserId,
    name: String,
}

#[derive(askama::Template)]
#[template(path = "password_reset/link.html")]
struct LinkPage {
    layout: PageLayout,
    id: UserId,
    name: String,
    url: Secret,
    expires: Timestamp,
}

#[derive(Deserialize)]
struct NewPassword {
    new_password: Secret,
    new_password_again: Secret,
}

async fn show(
    State(app): State<App>,
    layout: PageLayout,
    SecretSegment(secret): SecretSegment,
) -> Result<Response, Error> {
    let Found { row, state } = password_reset::find(&app.keys, &app.connection().await?, &secret).await?;
    if let Some(refusal) = state.refusal() {
        return dead_link(layout, DEAD_LINK, &Error::Gone(refusal));
    }
    page(ShowPage { layout, faults: Faults::default(), secret, name: row.user_name })
}

async fn apply(
    State(app): State<App>,
    caller: Caller,
    SecretSegment(secret): SecretSegment,
    layout: PageLayout,
    Checked(form): Checked<NewPassword>,
) -> Result<Response, Error> {
    let applied = match typed_twice(form.new_password, &form.new_password_again) {
        Ok(password) => auth::account::use_reset_link(&app, &secret, password, &caller).await,
        Err(error) => Err(error),
    };
    let error = match applied {
        Ok(()) => return Ok(redirect(&app, "/sign-in?password_set=")),
        Err(error @ Error::Gone(_)) => return dead_link(layout, DEAD_LINK, &error),
        Err(error) => error,
    };
    let (mut faults, error) = Faults::of(error)?;
    // Rules name the field as the API does; the form's field has another name.
    if let Some(problem) = faults.fields.remove("password") {
        faults.fields.insert("new_password", problem);
    }
    let Found { row, .. } = password_reset::find(&app.keys, &app.connection().await?, &secret).await?;
    page_again(ShowPage { layout, faults, secret, name: row.user_name }, &error)
}

async fn ask(
    State(app): State<App>,
    PasswordResetter(member): PasswordResetter,
    layout: PageLayout,
    Id(id): Id<UserId>,
) -> Result<Response, Error> {
    let name = password_reset::check_right(&app.connection().await?, &member, id).await?;
    page(AskPage { layout: layout.section("members"), id, name })
}

/// The answer itself shows the link, without a redirect, because the link is stored nowhere.
async fn create(
    State(app): State<App>,
    PasswordResetter(member): PasswordResetter,
    layout: PageLayout,
    Id(id): Id<UserId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let row = password_reset::create(&transaction, &member, id).await?;
    transaction.commit().await?;
    let url = password_reset::url(&app.keys, app.site(), &row);
    let expires = Timestamp(row.expires_at);
    page(LinkPage { layout: layout.section("members"), id, name: row.user_name, url, expires })
}

async fn dismiss(
    State(app): State<App>,
    member: Member,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    db::member::password_reset::mark_seen(&app.connection().await?, member.id).await?;
    auth::session::forget_notice(&session).await?;
    Ok(redirect(&app, "/account/security"))
}
