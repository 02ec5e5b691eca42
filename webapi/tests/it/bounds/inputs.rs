//! The most expensive request that each route takes.

use std::fmt::Write as _;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::routes::Route;
use crate::support::{Browser, PASSWORD};

/// What the requests name: ids, secrets and a file of the filled site.
pub(super) struct RequestTargets {
    pub(super) member: i32,
    /// The torrent with most files and the longest description.
    pub(super) torrent: String,
    /// A torrent that may be deleted.
    pub(super) spare: i32,
    /// The .torrent file of `torrent`.
    pub(super) files: Vec<u8>,
    /// Secrets of open invites, one for the API and one for the page.
    pub(super) invites: Vec<String>,
}

/// A request but for its method.
pub(super) struct Input {
    path: String,
    body: Body,
}

enum Body {
    Nothing,
    Json(Value),
    Fields(Vec<(&'static str, String)>),
    Upload(Vec<u8>),
}

impl Input {
    /// The request, with the CSRF token of the browser's session.
    pub(super) fn request(&self, browser: &Browser, method: &Method, csrf: &str) -> RequestBuilder {
        let request = browser.request(method.clone(), &self.path).header("x-csrf-token", csrf);
        match &self.body {
            Body::Nothing => request,
            Body::Json(value) => request.json(value),
            Body::Fields(fields) => request.form(fields),
            Body::Upload(file) => {
                let file = Part::bytes(file.clone()).file_name("a.torrent");
                let form = Form::new().text("csrf", csrf.to_owned()).part("torrent", file);
                request.multipart(form.text("description", description()).text("extended", extended()))
            }
        }
    }
}

/// A description as long as it may be, and costly to render.
pub(super) fn description() -> String {
    "> + *_[".chars().cycle().take(100_000).collect()
}

/// A password that is refused because it is easily guessed, after the longest search for words and patterns in it.
fn guessable() -> String {
    "p@ssw0rd".repeat(12)
}

/// An object near its limits.
pub(super) fn extended() -> String {
    let numbers = vec!["1"; 200].join(",");
    format!("{{\"numbers\": [{numbers}], \"text\": \"{}\"}}", "x".repeat(1000))
}

/// Every parameter that a list knows: two frequent words that never meet, in an order that has nothing to do with them.
/// Others are passed over.
fn query() -> String {
    let mut query = String::from("?search=alder+birch&sort=title&order=asc&limit=100&torrents=1");
    for id in 2..=200 {
        write!(query, ",{id}").expect("text");
    }
    query
}

/// A text of many fields for a form, and for the JSON of an operation that has no better one here.
fn texts() -> Vec<(&'static str, String)> {
    let long = || "x".repeat(50_000);
    [
        ("username", long()),
        ("title", "many".to_owned()),
        ("description", description()),
        ("extended", extended()),
    ]
    .into_iter()
    .chain([("name", long()), ("password", long()), ("new_password", long()), ("new_password_again", long())])
    .collect()
}

pub(super) fn most_expensive(route: &Route, targets: &RequestTargets) -> Input {
    let RequestTargets { member, torrent, spare, invites, .. } = targets;
    let api = route.path.starts_with("/api/");
    let owner = ["/users/", "/members/"].iter().any(|it| route.path.contains(it));
    let deletes = route.method == Method::DELETE || route.path.ends_with("/delete");
    let id = if owner {
        member.to_string()
    } else if !route.path.contains("/torrents/") {
        // Sessions and tokens that are not there: one would miss others.
        i32::MAX.to_string()
    } else if deletes {
        spare.to_string()
    } else {
        torrent.clone()
    };
    let path = route.path.replace("{id}", &id).replace("{secret}", &invites[usize::from(!api)]);
    let path = path.replace("{*", "{").split('{').next().unwrap_or_default().to_owned();
    if route.method == Method::GET {
        return Input { path: path + &query(), body: Body::Nothing };
    }
    let body = match (route.method.as_str(), &*route.path) {
        ("POST", "/api/session") => Body::Json(json!({ "username": "hog", "password": PASSWORD })),
        ("POST", "/sign-in") => fields(&[("username", "hog"), ("password", PASSWORD)]),
        ("POST", "/api/torrents" | "/upload") => Body::Upload(targets.files.clone()),
        ("PATCH", "/api/torrents/{id}") => {
            let extended: Value = serde_json::from_str(&extended()).expect("JSON");
            Body::Json(json!({ "title": "many", "description": description(), "extended": extended }))
        }
        ("POST", "/api/invites/{secret}") => Body::Json(json!({ "username": "first", "password": PASSWORD })),
        ("POST", "/invites/{secret}") => fields(&[("username", "second"), ("password", PASSWORD)]),
        ("PUT", "/api/members/{id}/password") => {
            Body::Json(json!({ "password": PASSWORD, "new_password": guessable() }))
        }
        ("POST", "/account/password") => {
            let new = guessable();
            fields(&[("password", PASSWORD), ("new_password", &new), ("new_password_again", &new)])
        }
        ("PUT", "/api/members/{id}/roles") => {
            Body::Json(json!({ "roles": ["administrator", "moderator", "inviter"] }))
        }
        ("POST", "/members/{id}/roles") => {
            fields(&[("role", "administrator"), ("role", "moderator"), ("role", "inviter")])
        }
        (_, path) if path.starts_with("/api/") => Body::Json(texts().into_iter().collect()),
        _ => Body::Fields(texts()),
    };
    Input { path, body }
}

fn fields(fields: &[(&'static str, &str)]) -> Body {
    Body::Fields(fields.iter().map(|(name, text)| (*name, (*text).to_owned())).collect())
}
