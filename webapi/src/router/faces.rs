//! Shows errors: as JSON to tools, as a page of the site to people. Also those that axum answers itself.

mod form_page;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::pin::pin;
use std::sync::Arc;
use tokio::time::timeout;
use tower_sessions::Session;

use crate::api::shapes::ErrorBody;
use crate::app::App;
use crate::auth::anonymous;
use crate::auth::visitor::Visitor;
use crate::error::{Error, Face, Failed, is_api};
use crate::extract::Json;
use crate::reading;
use crate::ui::Frame;

/// What a parameter's value is not sent as it is.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What people are told of parameters that cannot be used: a link made them, or an address that was cut short.
const STALE_ADDRESS: &str = "This address asks for a part of the list that does not exist.";

/// Header of forms that a script of ours sends (`static/send.js`). The script keeps the form on its page: it is told of
/// errors in JSON, and where a success leads instead of being led there.
const SENT_BY_SCRIPT: &str = "x-sent-by-script";

/// Every error as a page of the site.
#[derive(askama::Template)]
#[template(path = "error.html")]
struct Page {
    frame: Frame,
    status: u16,
    heading: &'static str,
    message: String,
    onward: Onward,
}

/// The button that leads on from an error's page.
struct Onward {
    /// Below the base.
    path: String,
    words: &'static str,
}

impl Onward {
    /// What helps after `error`; strangers cannot see the torrents.
    fn of(asked: &Asked, error: &Error, member: bool) -> Self {
        let (path, words) = match error {
            Error::Parameters(_) if asked.method.is_safe() => (asked.uri.path(), "To the start of the list"),
            Error::Unavailable(_) | Error::Internal(_) if asked.method.is_safe() => {
                (asked.uri.path_and_query().map_or("/", |it| it.as_str()), "Try again")
            }
            _ if member => ("/", "To the torrents"),
            _ => ("/sign-in", "Sign in"),
        };
        Self { path: path.to_owned(), words }
    }
}

/// What an error's page needs of its request.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    by_script: bool,
    session: Option<Session>,
    token: Option<anonymous::Token>,
}

/// What the layer reaches.
#[derive(Clone)]
pub(super) struct Faces {
    app: App,
    /// The pages without the layers around them: tells which page a form is on.
    pages: Router,
}

impl Faces {
    pub(super) fn new(app: &App, pages: Router) -> Self {
        Self { app: app.clone(), pages }
    }
}

/// Replaces answers that carry [`Failed`], and bare ones with an error's status.
pub(super) async fn layer(State(faces): State<Faces>, request: Request, next: Next) -> Response {
    let app = &faces.app;
    let asked = Asked {
        method: request.method().clone(),
        uri: request.uri().clone(),
        headers: request.headers().clone(),
        by_script: request.headers().contains_key(SENT_BY_SCRIPT),
        session: request.extensions().get().cloned(),
        token: request.extensions().get().cloned(),
    };
    let mut response = next.run(request).await;
    let Some(failed) = response.extensions_mut().remove::<Failed>().or_else(|| bare(&response)) else {
        return if asked.by_script { not_followed(response) } else { response };
    };
    let face = match failed.face {
        _ if asked.by_script => Face::Json,
        Face::ByPath if is_api(asked.uri.path()) => Face::Json,
        face => face,
    };
    let shown = match (face, &*failed.error) {
        (Face::Json, error) => (error.status(), Json(ErrorBody::from(error))).into_response(),
        (_, Error::Unauthorized) => sign_in(&faces, &asked).await.into_response(),
        (_, error) => page(app, &asked, error).await,
    };
    // What the answer said of itself stays: Allow, Retry-After.
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    let mut shown = shown;
    headers.extend(std::mem::take(shown.headers_mut()));
    *shown.headers_mut() = headers;
    shown
}

/// A redirect as 204 with its `Location`. Browsers follow redirects before a script hears of them, and messages that are
/// shown once would be spent on a page that nobody sees.
fn not_followed(mut response: Response) -> Response {
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// An error that is none of ours: axum's own, in plain text.
fn bare(response: &Response) -> Option<Failed> {
    let status = response.status();
    let ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| !it.as_bytes().starts_with(b"text/plain"));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let error = match status {
        StatusCode::NOT_FOUND => Error::NotFound("page"),
        StatusCode::METHOD_NOT_ALLOWED => Error::Method,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge("the request is too large".to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::MediaType("this address does not read that media type"),
        status if status.is_client_error() => {
            Error::BadRequest("the request cannot be read; check its address and parameters".to_owned())
        }
        status => Error::Internal(anyhow::anyhow!("an answer of status {status}")),
    };
    Some(Failed { error: Arc::new(error), face: Face::ByPath })
}

/// Whoever reads a page is led back to it, and whoever sent a form to the form's page; what was to be changed is not
/// done again.
async fn sign_in(faces: &Faces, asked: &Asked) -> Redirect {
    let here = if asked.method.is_safe() {
        asked.uri.path_and_query().map_or("/", |it| it.as_str())
    } else {
        timeout(faces.app.extra_timeout(), form_page::find(&faces.pages, asked))
            .await
            .ok()
            .flatten()
            .unwrap_or("/")
    };
    let base = faces.app.base();
    if here == "/" {
        return Redirect::to(&format!("{base}/sign-in"));
    }
    Redirect::to(&format!("{base}/sign-in?next={}", utf8_percent_encode(here, PARAMETER)))
}

async fn page(app: &App, asked: &Asked, error: &Error) -> Response {
    // Where the database did not answer, asking again who this is would only take as long once more.
    let frame = if let Error::Unavailable(_) = error {
        Frame::bare(app)
    } else {
        // Whom it is for is told by the database; it is shown to nobody in particular otherwise.
        let mut frame = pin!(frame(app, asked));
        let known = timeout(app.extra_timeout(), frame.as_mut()).await;
        known.inspect_err(|_| reading::cancel()).ok().flatten().unwrap_or_else(|| Frame::bare(app))
    };
    let status = error.status();
    let message = match error {
        Error::Parameters(_) => STALE_ADDRESS.to_owned(),
        _ => error.sentence(),
    };
    let onward = Onward::of(asked, error, frame.member.is_some());
    let page = Page { frame, status: status.as_u16(), heading: heading(status), message, onward };
    match askama::Template::render(&page) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(cause) => {
            tracing::error!(%cause, "the error page cannot be rendered");
            (status, page.message).into_response()
        }
    }
}

async fn frame(app: &App, asked: &Asked) -> Option<Frame> {
    let (session, token) = (asked.session.as_ref()?, asked.token.as_ref()?);
    let visitor = Visitor::find(app, &asked.headers, session).await.ok()?;
    Frame::of(app, &visitor, session, token).await.ok()
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
