//! `/sign-in` and `/sign-out`: pages and forms.

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
use crate::auth::{self, Checked};
use crate::domain::member::Member;
use crate::domain::member::attempts::Caller;
use crate::error::Error;
use crate::extract::Query;
use crate::routes::Routes;
use crate::ui::{Faults, Flash, PageLayout, page, page_again, redirect};

/// The routes of the pages and of their forms.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/sign-in", NOTHING, get(show))
        .page(Method::POST, "/sign-in", NOTHING, post(sign_in))
        .page(Method::POST, "/sign-out", ALL, post(sign_out))
}

#[derive(askama::Template)]
#[template(path = "session/sign_in.html")]
struct SignInPage {
    layout: PageLayout,
    faults: Faults,
    username: String,
    next: String,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    next: String,
    signed_out: Option<String>,
    password_set: Option<String>,
}

#[derive(Deserialize)]
struct SignIn {
    username: String,
    password: Secret,
    #[serde(default)]
    next: String,
}

/// A form without fields beside its CSRF token.
#[derive(Deserialize)]
pub(in crate::ui) struct Nothing {}

async fn show(
    State(app): State<App>,
    mut layout: PageLayout,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Error> {
    if layout.member.is_some() {
        return Ok(redirect(&app, local(&parameters.next)));
    }
    if parameters.signed_out.is_some() {
        layout.flash.push(Flash::new("info", "You are signed out."));
    }
    if parameters.password_set.is_some() {
        layout.flash.push(Flash::new("success", "Your new password is set. Sign in with it."));
    }
    page(SignInPage { layout, faults: Faults::default(), username: String::new(), next: parameters.next })
}

async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    layout: PageLayout,
    session: Session,
    headers: HeaderMap,
    Checked(form): Checked<SignIn>,
) -> Result<Response, Error> {
    let SignIn { username, password, next } = form;
    match auth::account::verify(&app, username.trim(), password, &caller).await {
        Ok(verified) => {
            auth::session::start(&app, &session, &verified, &headers).await?;
            Ok((Extension(caller.remember(&app, &verified)?), redirect(&app, local(&next))).into_response())
        }
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            page_again(SignInPage { layout, faults, username, next }, &error)
        }
    }
}

async fn sign_out(
    State(app): State<App>,
    _: Member,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    if session.id().is_some() {
        session.flush().await?;
    }
    Ok(redirect(&app, "/sign-in?signed_out="))
}

/// `next` where it is a path of this site, or `/`. Browsers take `//other.example` and `/\other.example` for other
/// sites.
fn local(next: &str) -> &str {
    let rest = next.strip_prefix('/');
    let plain = rest.is_some_and(|it| !it.starts_with(['/', '\\']) && !it.contains(char::is_control));
    if plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn only_paths_of_this_site_are_gone_to() {
        assert_eq!(local("/torrents/7?x=1"), "/torrents/7?x=1");
        for elsewhere in
            ["", "https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "x"]
        {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
