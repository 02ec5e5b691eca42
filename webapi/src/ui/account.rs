//! `/account`: a member's own announce URL, password, uploads, sessions and API tokens.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use infra::secrets::Secret;
use serde::Deserialize;
use tower_sessions::Session;

use super::doctor::Doctor;
use super::session::Nothing;
use super::transfer::{Line, Sums};
use super::{Failure, Faults, Frame, Moment, flash, page, page_again, redirect};
use crate::app::App;
use crate::auth::session::own_hash;
use crate::auth::{Checked, Member};
use crate::db;
use crate::db::transfer::Active;
use crate::db::user::Upload;
use crate::domain::{account, token};
use crate::error::{Error, Fields};
use crate::router::parameters::Id;
use crate::server::ClientAddress;

/// Own uploads that the page lists.
const UPLOADS: i64 = 20;

/// Own transfers of the moment that the page lists.
const ACTIVE: i64 = 20;

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(show))
        .route("/account/password", post(change_password))
        .route("/account/announce-key", get(ask_reset).post(reset_key))
        .route("/account/tokens", post(create_token))
        .route("/account/tokens/{id}/revoke", post(revoke_token))
        .route("/account/sessions", post(end_others))
        .route("/account/sessions/{id}/end", post(end_session))
}

#[derive(askama::Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    frame: Frame,
    faults: Faults,
    name: String,
    roles: Vec<String>,
    announce_url: String,
    sums: Sums,
    active: Active,
    /// Some of what is active.
    lines: Vec<Line>,
    doctor: Doctor,
    torrents: i64,
    uploads: Vec<Upload>,
    sessions: Vec<SessionItem>,
    tokens: Vec<TokenItem>,
    /// The name typed for a token that could not be made.
    token_name: String,
    /// A token that was just made, shown this once.
    new_token: Option<String>,
}

struct SessionItem {
    id: i32,
    browser: String,
    created: Moment,
    seen: Moment,
    current: bool,
}

struct TokenItem {
    id: i32,
    name: String,
    created: Moment,
    used: Option<Moment>,
}

#[derive(askama::Template)]
#[template(path = "account/reset_key.html")]
struct ResetKeyPage {
    frame: Frame,
}

#[derive(Deserialize)]
struct ChangePassword {
    password: Secret,
    new_password: Secret,
    new_password_again: Secret,
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
}

async fn show(
    State(app): State<App>,
    member: Member,
    frame: Frame,
    session: Session,
) -> Result<Response, Failure> {
    page(account_page(&app, &member, frame, &session).await?)
}

async fn change_password(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    member: Member,
    frame: Frame,
    session: Session,
    Checked(form): Checked<ChangePassword>,
) -> Result<Response, Failure> {
    let ChangePassword { password, new_password, new_password_again } = form;
    let result = if new_password == new_password_again {
        account::change_password(&app, &member, &session, (password, new_password), address).await
    } else {
        Err(Error::Invalid(Fields::from([("new_password_again", "the two new passwords differ".to_owned())])))
    };
    match result {
        Ok(()) => {
            flash(&session, "success", "Your password is changed. All your other sessions have ended.")
                .await?;
            Ok(redirect(&app, "/account"))
        }
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            let page = account_page(&app, &member, frame, &session).await?;
            page_again(AccountPage { faults, ..page }, &error)
        }
    }
}

async fn ask_reset(_: Member, frame: Frame) -> Result<Response, Failure> {
    page(ResetKeyPage { frame: frame.section("account") })
}

async fn reset_key(
    State(app): State<App>,
    member: Member,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Failure> {
    db::user::reset_key(&app.connection().await?, member.id).await?;
    let said = "Your announce URL is new. Download your .torrent files again; the old ones no longer work.";
    flash(&session, "success", said).await?;
    Ok(redirect(&app, "/account"))
}

/// The answer shows the token itself instead of leading to another page: it is stored nowhere.
async fn create_token(
    State(app): State<App>,
    member: Member,
    frame: Frame,
    session: Session,
    Checked(form): Checked<NewToken>,
) -> Result<Response, Failure> {
    let created = token::create(&app, &app.connection().await?, &member, &form.name).await;
    let account = account_page(&app, &member, frame, &session).await?;
    match created {
        Ok(new) => page(AccountPage { new_token: Some(new.text.reveal().to_owned()), ..account }),
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            page_again(AccountPage { faults, token_name: form.name, ..account }, &error)
        }
    }
}

async fn revoke_token(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Failure> {
    db::token::delete(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "The token is revoked.").await?;
    Ok(redirect(&app, "/account"))
}

async fn end_others(
    State(app): State<App>,
    member: Member,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Failure> {
    let own = own_hash(&app, &member, &session);
    db::session::end_others(&app.connection().await?, member.id, own.as_deref()).await?;
    flash(&session, "success", "You are signed out everywhere else.").await?;
    Ok(redirect(&app, "/account"))
}

async fn end_session(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Failure> {
    db::session::end(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "That session has ended.").await?;
    Ok(redirect(&app, "/account"))
}

async fn account_page(
    app: &App,
    member: &Member,
    frame: Frame,
    session: &Session,
) -> Result<AccountPage, Failure> {
    // Before a connection is taken: whoever waits for the tracker keeps none from others.
    let doctor = Doctor::of(app, member.id).await?;
    let client = app.connection().await?;
    let profile = db::user::profile(&client, member.id).await?.ok_or(Error::Unauthorized)?;
    let timeout = app.config.tracker.peer_timeout;
    let lines = db::transfer::active(&client, timeout, member.id, ACTIVE).await?;
    let own = own_hash(app, member, session);
    let sessions = db::session::list(&client, member.id, own.as_deref()).await?.into_iter().map(|it| {
        let browser = browser(&it.user_agent);
        let (created, seen) = (Moment(it.created_at), Moment(it.last_seen_at));
        SessionItem { id: it.public_id, browser, created, seen, current: it.current }
    });
    let tokens = db::token::list(&client, member.id).await?.into_iter().map(|it| TokenItem {
        id: it.id,
        name: it.name,
        created: Moment(it.created_at),
        used: it.last_used_at.map(Moment),
    });
    Ok(AccountPage {
        frame: frame.section("account"),
        faults: Faults::default(),
        name: profile.account.name,
        roles: profile.account.roles,
        announce_url: account::announce_url(app, member.id, profile.account.key_version)?,
        sums: profile.totals.into(),
        active: db::transfer::count_active(&client, timeout, member.id).await?,
        lines: lines.into_iter().map(Line::own).collect(),
        doctor,
        torrents: profile.torrents,
        uploads: db::user::uploads(&client, member.id, UPLOADS).await?,
        sessions: sessions.collect(),
        tokens: tokens.collect(),
        token_name: String::new(),
        new_token: None,
    })
}

/// A browser in two words, as far as its `User-Agent` says. Most claim to be several: the most particular goes first.
fn browser(agent: &str) -> String {
    const PROGRAMS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: [(&str, &'static str); 6]| {
        known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    match (find(PROGRAMS), find(SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, _) if agent.is_empty() => "Unknown program".to_owned(),
        (None, _) => agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn browsers_are_named_in_few_words() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(
            browser("Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"),
            "Firefox on Android"
        );
        assert_eq!(browser("curl/8.14"), "curl/8.14");
        assert_eq!(browser(&"x".repeat(99)).len(), 40);
        assert_eq!(browser(""), "Unknown program");
    }
}
