//! `/demo` as a page and `/demo/picture` as JSON.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::view::View;
use super::{App, Shared};
use crate::site::Visitor;

/// What the layout shows on every page.
struct PageLayout {
    version: String,
    /// The name of who is signed in.
    member: String,
    staff: bool,
    csrf: String,
    flash: Option<Flash>,
}

/// A message that is shown once.
struct Flash {
    /// `success` or `error`.
    kind: &'static str,
    text: String,
}

#[derive(askama::Template)]
#[template(path = "show.html")]
struct DemoPage {
    layout: PageLayout,
    view: View,
    /// Whether a page without scripts stays as it is, so that its forms can be filled in.
    still: bool,
    /// The client that is chosen in the form.
    chosen: String,
}

/// The query of the page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    still: bool,
    client: String,
    /// The id of an order's outcome: see [`super::outcomes`].
    told: Option<String>,
}

impl Parameters {
    /// Keys that are unknown are ignored.
    fn parse(query: &str) -> Self {
        let mut parameters = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "still" => parameters.still = true,
                "client" => parameters.client = value.into_owned(),
                "told" => parameters.told = Some(value.into_owned()),
                _ => {}
            }
        }
        parameters
    }
}

/// The page.
pub(super) async fn show(State(app): Shared, request: Request) -> Response {
    let parameters = Parameters::parse(request.uri().query().unwrap_or_default());
    match app.visitor(request.headers()).await {
        Ok(Some(visitor)) => page(&app, visitor, parameters),
        Ok(None) => Redirect::to("/sign-in?next=/demo").into_response(),
        Err(away) => away,
    }
}

/// The picture as it is now.
pub(super) async fn picture(State(app): Shared, headers: axum::http::HeaderMap) -> Response {
    match app.known(&headers).await {
        Ok(_) => Json(&**app.pictures.borrow()).into_response(),
        Err(refusal) => refusal,
    }
}

fn page(app: &App, visitor: Visitor, parameters: Parameters) -> Response {
    let flash = parameters.told.and_then(|name| app.outcomes.find(&name)).map(|outcome| match outcome {
        Ok(text) => Flash { kind: "success", text },
        Err(text) => Flash { kind: "error", text },
    });
    let page = DemoPage {
        still: parameters.still,
        chosen: parameters.client,
        view: View::of(&app.pictures.borrow()),
        layout: PageLayout {
            version: app.version.clone(),
            member: visitor.name,
            staff: visitor.staff,
            csrf: visitor.csrf.map(|it| it.reveal().to_owned()).unwrap_or_default(),
            flash,
        },
    };
    match askama::Template::render(&page) {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render the page");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown; the log says why.\n")
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn unknown_keys_of_a_query_are_ignored() {
        assert_eq!(Parameters::parse(""), Parameters::default());
        let still = Parameters { still: true, client: "aria2-1".to_owned(), told: None };
        assert_eq!(Parameters::parse("still&client=aria2-1&torrent=7"), still);
    }
}
