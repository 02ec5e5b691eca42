//! `/swarm` as a page and `/swarm/picture` as JSON.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::view::View;
use super::{App, Shared};
use crate::site::Visitor;

/// What the site's layout knows of its pages.
struct Frame {
    /// The demonstration's site lives under no path.
    base: &'static str,
    version: String,
    member: Option<Member>,
    csrf: String,
    flash: Vec<Flash>,
    section: &'static str,
}

/// Who is signed in, for the navigation.
struct Member {
    id: u32,
    name: String,
    staff: bool,
    inviter: bool,
}

/// A message that is shown once.
struct Flash {
    kind: &'static str,
    text: String,
    link: Option<(&'static str, &'static str)>,
}

#[derive(askama::Template)]
#[template(path = "demo/show.html")]
struct SwarmPage {
    frame: Frame,
    view: View,
    staff: bool,
    /// Whether a page without scripts stays as it is, so that its forms can be filled in.
    still: bool,
    /// The client that is chosen in the form.
    chosen: String,
}

/// The query that is ours; the site has a page of this name, too, with other keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    still: bool,
    client: String,
    told: Option<String>,
}

impl Asked {
    /// None for a query with a key that is not ours.
    fn parse(query: &str) -> Option<Self> {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "still" => asked.still = true,
                "client" => asked.client = value.into_owned(),
                "told" => asked.told = Some(value.into_owned()),
                _ => return None,
            }
        }
        Some(asked)
    }
}

/// The page; the site's own for a query that is not ours.
pub(super) async fn show(State(app): Shared, request: Request) -> Response {
    let Some(asked) = Asked::parse(request.uri().query().unwrap_or_default()) else {
        return app.proxy.forward(request).await;
    };
    match app.visitor(request.headers()).await {
        Ok(Some(visitor)) => page(&app, visitor, asked),
        Ok(None) => Redirect::to("/sign-in?next=/swarm").into_response(),
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

fn page(app: &App, visitor: Visitor, asked: Asked) -> Response {
    let flash = asked.told.and_then(|it| app.told.find(&it)).map(|outcome| {
        let (kind, text) = match outcome {
            Ok(text) => ("success", text),
            Err(text) => ("error", text),
        };
        Flash { kind, text, link: None }
    });
    let page = SwarmPage {
        staff: visitor.staff,
        still: asked.still,
        chosen: asked.client,
        view: View::of(&app.pictures.borrow()),
        frame: Frame {
            base: "",
            version: app.version.clone(),
            csrf: visitor.csrf.map(|it| it.reveal().to_owned()).unwrap_or_default(),
            member: Some(Member {
                id: visitor.id,
                name: visitor.name,
                staff: visitor.staff,
                inviter: visitor.inviter,
            }),
            flash: flash.into_iter().collect(),
            section: "swarm",
        },
    };
    match askama::Template::render(&page) {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown; the log says why.\n")
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn the_site_s_own_queries_are_not_ours() {
        assert_eq!(Asked::parse(""), Some(Asked::default()));
        let asked = Asked { still: true, client: "aria2-1".to_owned(), told: None };
        assert_eq!(Asked::parse("still&client=aria2-1"), Some(asked));
        assert_eq!(Asked::parse("torrent=7"), None);
        assert_eq!(Asked::parse("still&all"), None);
    }
}
