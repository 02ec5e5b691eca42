//! Errors as pages of the site. Visitors who are not signed in are redirected to the sign-in.

mod form_page;

use std::pin::pin;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use super::{CREDENTIALS, PageLayout};
use crate::app::App;
use crate::auth::visitor::Visitor;
use crate::error::Error;
use crate::face::{FailedRequest, ShowError};
use crate::reading;

/// Characters that need a percent-escape in a query value.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The message for parameters that cannot be used: people get them from an old link or a truncated address.
const STALE_ADDRESS: &str = "This address asks for a part of the list that does not exist.";

/// Shows errors as pages.
pub(super) struct ErrorPages {
    app: App,
    /// The router of the pages without its layers, to find the page that a form is on.
    pages: Router,
}

impl ErrorPages {
    pub(super) fn new(app: &App, pages: Router) -> Self {
        Self { app: app.clone(), pages }
    }
}

impl ShowError for ErrorPages {
    fn show<'a>(&'a self, request: &'a FailedRequest, error: &'a Error) -> BoxFuture<'a, Response> {
        async move {
            match error {
                Error::Unauthorized => sign_in(&self.app, &self.pages, request).await.into_response(),
                error => page(&self.app, request, error).await,
            }
        }
        .boxed()
    }
}

/// The page that shows an error.
#[derive(askama::Template)]
#[template(path = "error.html")]
struct Page {
    layout: PageLayout,
    status: u16,
    heading: &'static str,
    message: String,
    onward: Onward,
}

/// The link with which the visitor goes on from the error's page.
struct Onward {
    /// Path below the site's base path.
    path: String,
    words: &'static str,
}

impl Onward {
    /// The link that helps after `error`. Visitors who are not signed in cannot see the torrents.
    fn of(request: &FailedRequest, error: &Error, member: bool) -> Self {
        let (path, words) = match error {
            Error::Parameters(_) if request.method.is_safe() => {
                (request.uri.path(), "To the start of the list")
            }
            Error::Unavailable(_) | Error::Internal(_) if request.method.is_safe() => {
                (request.uri.path_and_query().map_or("/", |it| it.as_str()), "Try again")
            }
            _ if member => ("/", "To the torrents"),
            _ => ("/sign-in", "Sign in"),
        };
        Self { path: path.to_owned(), words }
    }
}

/// A redirect to the sign-in, which afterwards leads back to the page that was asked for, or to the page of the form
/// that was sent. The form is not sent again.
async fn sign_in(app: &App, pages: &Router, request: &FailedRequest) -> Redirect {
    let here = if request.method.is_safe() {
        request.uri.path_and_query().map_or("/", |it| it.as_str())
    } else {
        timeout(app.extra_timeout(), form_page::find(pages, request)).await.ok().flatten().unwrap_or("/")
    };
    let base = app.base();
    if here == "/" {
        return Redirect::to(&format!("{base}/sign-in"));
    }
    Redirect::to(&format!("{base}/sign-in?next={}", utf8_percent_encode(here, PARAMETER)))
}

async fn page(app: &App, request: &FailedRequest, error: &Error) -> Response {
    // The database does not answer: asking it who the visitor is would wait as long again.
    let layout = if let Error::Unavailable(_) = error {
        PageLayout::bare(app)
    } else {
        // If the database does not tell in time who the visitor is, the page is shown as if nobody were signed in.
        let mut layout = pin!(layout(app, request));
        let known = timeout(app.extra_timeout(), layout.as_mut()).await;
        known.inspect_err(|_| reading::cancel()).ok().flatten().unwrap_or_else(|| PageLayout::bare(app))
    };
    let status = error.status();
    let message = match error {
        Error::Parameters(_) => STALE_ADDRESS.to_owned(),
        _ => error.sentence(),
    };
    let onward = Onward::of(request, error, layout.member.is_some());
    let page = Page { layout, status: status.as_u16(), heading: heading(status), message, onward };
    match askama::Template::render(&page) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(cause) => {
            tracing::error!(%cause, "the error page cannot be rendered");
            (status, page.message).into_response()
        }
    }
}

async fn layout(app: &App, request: &FailedRequest) -> Option<PageLayout> {
    let (session, token) = (request.session.as_ref()?, request.token.as_ref()?);
    let visitor = Visitor::find(app, CREDENTIALS, &request.headers, session).await.ok()?;
    PageLayout::of(app, &visitor, session, token).await.ok()
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Not possible here",
        StatusCode::GONE => "No longer there",
        StatusCode::CONFLICT => "Not possible now",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        status if status.is_server_error() => "Something went wrong",
        _ => "That did not work",
    }
}
