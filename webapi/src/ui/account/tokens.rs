//! `/account/tokens`: the member's API tokens.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use tower_sessions::Session;

use super::back_to;
use crate::app::App;
use crate::auth::{Checked, Member};
use crate::db;
use crate::domain::token;
use crate::router::parameters::Id;
use crate::ui::session::Nothing;
use crate::ui::{Failure, Faults, Frame, Moment, flash, page, page_again, redirect};

/// Where the forms of this page lead.
const HERE: &str = "/account/tokens";

/// The page.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account/tokens", get(show).post(create))
        .route("/account/tokens/{id}/revoke", back_to(HERE).post(revoke))
}

#[derive(askama::Template)]
#[template(path = "account/tokens.html")]
struct TokensPage {
    frame: Frame,
    faults: Faults,
    tokens: Vec<TokenItem>,
    /// The name typed for a token that could not be made.
    token_name: String,
}

struct TokenItem {
    id: i32,
    name: String,
    created: Moment,
    used: Option<Moment>,
}

/// A secret that was just made, on a page of its own: it is stored nowhere and shown this once.
#[derive(askama::Template)]
#[template(path = "account/secret.html")]
struct SecretPage {
    frame: Frame,
    /// Names the kind: `New API token`.
    heading: &'static str,
    /// As the member named it.
    name: String,
    secret: String,
    /// Where the page leads afterwards, beginning with a slash.
    next: &'static str,
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
}

async fn show(State(app): State<App>, member: Member, frame: Frame) -> Result<Response, Failure> {
    page(tokens_page(&app, &member, frame).await?)
}

async fn create(
    State(app): State<App>,
    member: Member,
    frame: Frame,
    Checked(form): Checked<NewToken>,
) -> Result<Response, Failure> {
    let created = token::create(&app, &app.connection().await?, &member, &form.name).await;
    match created {
        Ok(new) => page(SecretPage {
            frame: frame.account("tokens"),
            heading: "New API token",
            name: form.name,
            secret: new.text.reveal().to_owned(),
            next: HERE,
        }),
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            let page = tokens_page(&app, &member, frame).await?;
            page_again(TokensPage { faults, token_name: form.name, ..page }, &error)
        }
    }
}

async fn revoke(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Failure> {
    db::token::delete(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "The token is revoked.").await?;
    Ok(redirect(&app, HERE))
}

async fn tokens_page(app: &App, member: &Member, frame: Frame) -> Result<TokensPage, Failure> {
    let tokens = db::token::list(&app.connection().await?, member.id).await?;
    let item = |it: db::token::ApiToken| TokenItem {
        id: it.id,
        name: it.name,
        created: Moment(it.created_at),
        used: it.last_used_at.map(Moment),
    };
    Ok(TokensPage {
        frame: frame.account("tokens"),
        faults: Faults::default(),
        tokens: tokens.into_iter().map(item).collect(),
        token_name: String::new(),
    })
}
