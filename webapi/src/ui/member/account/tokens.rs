//! `/account/tokens`: lists, creates and revokes the member's API tokens.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use tower_sessions::Session;

use super::back_to;
use super::secret::SecretPage;
use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::{Checked, SignedIn};
use crate::db;
use crate::domain::member::Member;
use crate::domain::member::scope::SCOPES;
use crate::domain::member::token::{self, DAYS, TokenRequest};
use crate::error::Error;
use crate::extract::Id;
use crate::id::TokenId;
use crate::routes::Routes;
use crate::ui::member::session::Nothing;
use crate::ui::{Faults, PageLayout, Timestamp, flash, page, page_again, redirect};

/// Path of this page.
const HERE: &str = "/account/tokens";

/// The choices for how long a token lasts: days, or none for a token that never ends, and a label.
const TERMS: [(Option<u32>, &str); 4] =
    [(Some(30), "30 days"), (Some(90), "90 days"), (Some(DAYS), "One year"), (None, "Without an end")];

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/account/tokens", ALL, get(show))
        .page(Method::POST, "/account/tokens", SESSION, post(create))
        .page(Method::GET, "/account/tokens/{id}/revoke", ALL, back_to(HERE))
        .page(Method::POST, "/account/tokens/{id}/revoke", ALL, post(revoke))
}

#[derive(askama::Template)]
#[template(path = "account/tokens.html")]
struct TokensPage {
    layout: PageLayout,
    faults: Faults,
    tokens: Vec<TokenItem>,
    /// The name that the form keeps, where the token could not be made.
    token_name: String,
    scopes: Vec<ScopeChoice>,
    terms: Vec<TermChoice>,
}

struct TokenItem {
    id: TokenId,
    name: String,
    scopes: String,
    /// Whether it is older than scopes.
    old: bool,
    created: Timestamp,
    expires: Option<Timestamp>,
    expired: bool,
    used: Option<Timestamp>,
}

struct ScopeChoice {
    word: &'static str,
    description: &'static str,
    chosen: bool,
}

struct TermChoice {
    /// The value that the form sends; empty for a token that never ends.
    value: String,
    label: &'static str,
    chosen: bool,
}

/// The form as the member filled it in.
struct Typed {
    name: String,
    scopes: Vec<String>,
    days: Option<u32>,
}

impl Default for Typed {
    fn default() -> Self {
        Self { name: String::new(), scopes: Vec::new(), days: Some(DAYS) }
    }
}

impl Typed {
    fn read(form: Vec<(String, String)>) -> Result<Self, Error> {
        let mut typed = Self::default();
        for (name, value) in form {
            match &*name {
                "name" => typed.name = value,
                "scope" => typed.scopes.push(value),
                "days" if value.is_empty() => typed.days = None,
                "days" => {
                    let days = value
                        .parse()
                        .map_err(|_| Error::field("expires_in_days", "choose how long the token lasts"))?;
                    typed.days = Some(days);
                }
                _ => {}
            }
        }
        Ok(typed)
    }
}

async fn show(State(app): State<App>, member: Member, layout: PageLayout) -> Result<Response, Error> {
    page(tokens_page(&app, &member, layout, &Typed::default()).await?)
}

async fn create(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    layout: PageLayout,
    Checked(form): Checked<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let typed = Typed::read(form)?;
    let request = TokenRequest { name: &typed.name, scopes: &typed.scopes, days: typed.days };
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    match token::create(&app.keys, &transaction, member.id, &request).await {
        Ok(new) => {
            transaction.commit().await?;
            page(SecretPage {
                layout: layout.account("tokens"),
                heading: "New API token",
                name: new.row.name,
                secret: new.secret,
                next: HERE,
            })
        }
        Err(error) => {
            drop(transaction);
            drop(client);
            let (faults, error) = Faults::of(error)?;
            let page = tokens_page(&app, &member, layout, &typed).await?;
            page_again(TokensPage { faults, ..page }, &error)
        }
    }
}

async fn revoke(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id<TokenId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    db::member::token::delete(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "The token is revoked.").await?;
    Ok(redirect(&app, HERE))
}

async fn tokens_page(
    app: &App,
    member: &Member,
    layout: PageLayout,
    typed: &Typed,
) -> Result<TokensPage, Error> {
    let tokens = db::member::token::list(&app.connection().await?, member.id).await?;
    let item = |it: db::member::token::ApiToken| TokenItem {
        id: it.id,
        name: it.name,
        scopes: token::scopes(it.scopes.as_deref()).words().join(", "),
        old: it.scopes.is_none(),
        created: Timestamp(it.created_at),
        expires: it.expires_at.map(Timestamp),
        expired: it.expired,
        used: it.last_used_at.map(Timestamp),
    };
    let scope = |it: crate::domain::member::scope::Scope| ScopeChoice {
        word: it.word(),
        description: it.description(),
        chosen: typed.scopes.iter().any(|typed| typed == it.word()),
    };
    let term = |(days, label): (Option<u32>, &'static str)| TermChoice {
        value: days.map(|it| it.to_string()).unwrap_or_default(),
        label,
        chosen: days == typed.days,
    };
    Ok(TokensPage {
        layout: layout.account("tokens"),
        faults: Faults::default(),
        tokens: tokens.into_iter().map(item).collect(),
        token_name: typed.name.clone(),
        scopes: SCOPES.into_iter().map(scope).collect(),
        terms: TERMS.into_iter().map(term).collect(),
    })
}
