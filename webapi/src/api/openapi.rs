//! `/api/openapi.json`: the `OpenAPI` description of the API, generated from its handlers.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{InfoBuilder, OpenApi, SecurityRequirement};
use utoipa_axum::routes;

use crate::auth::needs::{NOTHING, Proof, SESSION};
use crate::domain::member::scope::SCOPES;
use crate::routes::{Route, Routes};

/// The tags that group operations, each with its description.
const TAGS: [(&str, &str); 8] = [
    ("description", "This description"),
    ("feed-keys", "Keys that list and download torrents and open nothing else"),
    ("invites", "Links that make one account each"),
    ("members", "Members, what they may do and what they moved"),
    ("session", "Signing in and out, and where else one is signed in"),
    ("swarm", "Who is connected, for staff"),
    ("tokens", "Keys to one's account for tools"),
    ("torrents", "Torrents: list, upload, change, download"),
];

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(describe);
static JSON: LazyLock<Bytes> = LazyLock::new(|| DOCUMENT.to_json().unwrap_or_default().into());

/// The operation `GET /api/openapi.json`.
pub fn routes() -> Routes {
    Routes::new().operation(NOTHING, routes!(show))
}

/// The description of all operations.
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// Describe the API
///
/// This document: the API in `OpenAPI` 3.1, generated from its handlers.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "describe_api",
    tag = "description",
    responses((status = 200, description = "The document", content_type = "application/json", body = serde_json::Value))
)]
async fn show() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, JSON.clone()).into_response()
}

fn describe() -> OpenApi {
    let (_, mut document, table) = super::routes().split();
    let info = InfoBuilder::new()
        .title("Fairywren")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A private BitTorrent tracker. Everything that its pages can do. Sizes are bytes, times RFC 3339 in UTC, \
             hashes lower-case hexadecimal. Sign in with a session's cookie, whose `csrf_token` every change sends \
             back as `X-CSRF-Token`, or with an API token made at `/account/tokens`, \
             which needs the scope that the operation names.",
        ))
        .build();
    document.info = info;
    let tag = |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    let mut tags: Vec<Tag> = TAGS.map(tag).into();
    let matrix = matrix(&table);
    for tokens in tags.iter_mut().filter(|it| it.name == "tokens") {
        tokens.description = Some(matrix.clone());
    }
    document.tags = Some(tags);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    components
        .add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("session"))));
    secure(&mut document, &table);
    document
}

/// Adds to each operation who may call it, as `table` says.
fn secure(document: &mut OpenApi, table: &[Route]) {
    let none: [&str; 0] = [];
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::PUT, &mut item.put),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
            (Method::PATCH, &mut item.patch),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let route = table.iter().find(|it| it.method == method && it.path == *path);
            let needs = route.map_or(SESSION, |it| it.needs);
            let session = SecurityRequirement::new("session", none);
            operation.security = match needs.proof {
                Proof::Nothing => None,
                Proof::Anyone => Some(vec![SecurityRequirement::new("token", none), session]),
                Proof::Session => Some(vec![session]),
                Proof::Scope(scopes) => {
                    let tokens = scopes.iter().map(|it| SecurityRequirement::new("token", [it.word()]));
                    Some(tokens.chain([session]).collect())
                }
            };
            let parts = [operation.description.take(), needs.sentence()];
            let parts: Vec<String> = parts.into_iter().flatten().filter(|it| !it.is_empty()).collect();
            operation.description = (!parts.is_empty()).then(|| parts.join("\n\n"));
        }
    }
}

/// A Markdown table of operations and the scopes of API tokens that allow them.
fn matrix(table: &[Route]) -> String {
    let mut text = "What an API token may be used for. A token without the scope `all` brings none of its owner's \
                    roles. An expired one is answered with 401 and `token_expired`, one without the scope with 403 and \
                    `token_scope`, and with 403 and `session_only` where no token will do: none makes tokens or feed \
                    keys, changes or resets a password, changes roles, disables a member, or resets a key.\n\n"
        .to_owned();
    for scope in SCOPES {
        let _ = writeln!(text, "- `{scope}`: {}", scope.description());
    }
    text.push_str("\n| operation |");
    for scope in SCOPES {
        let _ = write!(text, " {scope} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(SCOPES.len()));
    let mut sorted: Vec<&Route> = table.iter().collect();
    sorted.sort_by_key(|it| &it.path);
    for Route { method, path, needs } in sorted {
        let _ = write!(text, "\n| `{method} {path}` |");
        for scope in SCOPES {
            text.push_str(if needs.allows(scope) { " yes |" } else { " |" });
        }
    }
    text
}
