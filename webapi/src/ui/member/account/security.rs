//! `/account/security`: the member's password, and the browsers that are signed in.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use infra::secrets::Secret;
use serde::Deserialize;
use tower_sessions::Session;

use super::back_to;
use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::session::own_hash;
use crate::auth::{self, Checked, SignedIn};
use crate::db;
use crate::domain::member::Member;
use crate::domain::member::account::PasswordChange;
use crate::domain::member::attempts::Caller;
use crate::error::Error;
use crate::extract::Id;
use crate::id::SessionId;
use crate::routes::Routes;
use crate::ui::member::session::Nothing;
use crate::ui::parts::password::typed_twice;
use crate::ui::{Faults, PageLayout, Timestamp, flash, page, page_again, redirect};

/// Path of this page.
const HERE: &str = "/account/security";

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/account/security", ALL, get(show))
        .page(Method::POST, "/account/security", SESSION, post(change_password))
        .page(Method::GET, "/account/sessions", ALL, back_to(HERE))
        .page(Method::POST, "/account/sessions", ALL, post(end_others))
        .page(Method::GET, "/account/sessions/{id}/end", ALL, back_to(HERE))
        .page(Method::POST, "/account/sessions/{id}/end", ALL, post(end_session))
}

#[derive(askama::Template)]
#[template(path = "account/security.html")]
struct SecurityPage {
    layout: PageLayout,
    faults: Faults,
    name: String,
    sessions: Vec<SessionItem>,
}

struct SessionItem {
    id: SessionId,
    browser: String,
    created: Timestamp,
    seen: Timestamp,
    current: bool,
}

#[derive(Deserialize)]
struct ChangePassword {
    password: Secret,
    new_password: Secret,
    new_password_again: Secret,
}

async fn show(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    session: Session,
) -> Result<Response, Error> {
    page(security_page(&app, &member, layout, &session).await?)
}

async fn change_password(
    State(app): State<App>,
    caller: Caller,
    SignedIn(member): SignedIn,
    layout: PageLayout,
    session: Session,
    Checked(form): Checked<ChangePassword>,
) -> Result<Response, Error> {
    let ChangePassword { password, new_password, new_password_again } = form;
    let result = match typed_twice(new_password, &new_password_again) {
        Ok(new) => {
            let current = own_hash(&app, &member, &session);
            let change = PasswordChange { present: password, new };
            auth::account::change_password(&app, &member, current.as_deref(), change, &caller).await
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(changed) => {
            flash(&session, "success", "Your password is changed. All your other sessions have ended.")
                .await?;
            Ok((Extension(caller.remember(&app, &changed)?), redirect(&app, HERE)).into_response())
        }
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            let page = security_page(&app, &member, layout, &session).await?;
            page_again(SecurityPage { faults, ..page }, &error)
        }
    }
}

async fn end_others(
    State(app): State<App>,
    member: Member,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let own = own_hash(&app, &member, &session);
    db::member::session::end_others(&app.connection().await?, member.id, own.as_deref()).await?;
    flash(&session, "success", "You are signed out everywhere else.").await?;
    Ok(redirect(&app, HERE))
}

async fn end_session(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id<SessionId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    db::member::session::end(&app.connection().await?, member.id, id).await?;
    flash(&session, "success", "That session has ended.").await?;
    Ok(redirect(&app, HERE))
}

async fn security_page(
    app: &App,
    member: &Member,
    layout: PageLayout,
    session: &Session,
) -> Result<SecurityPage, Error> {
    let own = own_hash(app, member, session);
    let sessions = db::member::session::list(&app.connection().await?, member.id, own.as_deref()).await?;
    let item = |it: db::member::session::Listed| SessionItem {
        id: it.public_id,
        browser: browser(&it.user_agent),
        created: Timestamp(it.created_at),
        seen: Timestamp(it.last_seen_at),
        current: it.current,
    };
    Ok(SecurityPage {
        layout: layout.account("security"),
        faults: Faults::default(),
        name: member.name.clone(),
        sessions: sessions.into_iter().map(item).collect(),
    })
}

/// Names a browser and its system by the header `User-Agent`. Browsers also claim to be those they descend from, so the
/// most specific names are tried first.
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
