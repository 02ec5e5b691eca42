//! `/account/feed-keys`: lists, creates and revokes the member's feed keys.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use tower_sessions::Session;

use super::back_to;
use super::secret::SecretPage;
use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::{Checked, SignedIn};
use crate::db;
use crate::domain::member::Member;
use crate::domain::member::feed_key;
use crate::error::Error;
use crate::extract::Id;
use crate::id::FeedKeyId;
use crate::routes::Routes;
use crate::ui::member::session::Nothing;
use crate::ui::{Faults, PageLayout, Timestamp, flash, page, page_again, redirect};

/// Path of this page.
const HERE: &str = "/account/feed-keys";

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/account/feed-keys", ALL, get(show))
        .page(Method::POST, "/account/feed-keys", SESSION, post(create))
        .page(Method::GET, "/account/feed-keys/{id}/revoke", ALL, back_to(HERE))
        .page(Method::POST, "/account/feed-keys/{id}/revoke", ALL, post(revoke))
}

#[derive(askama::Template)]
#[template(path = "account/feed_keys.html")]
struct FeedKeysPage {
    layout: PageLayout,
    faults: Faults,
    keys: Vec<KeyItem>,
    /// The name that the form keeps, where the key could not be made.
    key_name: String,
}

struct KeyItem {
    id: FeedKeyId,
    name: String,
    created: Timestamp,
    used: Option<Timestamp>,
}

#[derive(Deserialize)]
struct NewFeedKey {
    name: String,
}

async fn show(State(app): State<App>, member: Member, layout: PageLayout) -> Result<Response, Error> {
    page(keys_page(&app, &member, layout).await?)
}

async fn create(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    layout: PageLayout,
    Checked(form): Checked<NewFeedKey>,
) -> Result<Response, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    match feed_key::create(&app.keys, &transaction, member.id, &form.name).await {
        Ok(new) => {
            transaction.commit().await?;
            page(SecretPage {
                layout: layout.account("feed-keys"),
                heading: "New feed key",
                name: new.row.name,
                secret: new.secret,
                next: HERE,
            })
        }
        Err(error) => {
            drop(transaction);
            drop(client);
            let (faults, error) = Faults::of(error)?;
            let page = keys_page(&app, &member, layout).await?;
            page_again(FeedKeysPage { faults, key_name: form.name, ..page }, &error)
        }
    }
}

async fn revoke(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id<FeedKeyId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    db::member::feed_key::delete(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "The feed key is revoked.").await?;
    Ok(redirect(&app, HERE))
}

async fn keys_page(app: &App, member: &Member, layout: PageLayout) -> Result<FeedKeysPage, Error> {
    let keys = db::member::feed_key::list(&app.connection().await?, member.id).await?;
    let item = |it: db::member::feed_key::FeedKey| KeyItem {
        id: it.id,
        name: it.name,
        created: Timestamp(it.created_at),
        used: it.last_used_at.map(Timestamp),
    };
    Ok(FeedKeysPage {
        layout: layout.account("feed-keys"),
        faults: Faults::default(),
        keys: keys.into_iter().map(item).collect(),
        key_name: String::new(),
    })
}
