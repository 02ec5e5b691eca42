//! Coming in by an invite, and being signed in.

use anyhow::{Context, ensure};
use infra::secrets::Secret;
use reqwest::RequestBuilder;
use reqwest::header::COOKIE;
use serde_json::json;

use super::rest::{self, Rest};
use super::shapes::{Claimed, Session};

/// Makes the account that the invite at `link` is for.
pub(super) async fn claim(rest: &Rest, link: &str, name: &str, password: &Secret) -> anyhow::Result<Claimed> {
    let (_, secret) = link.rsplit_once('/').context("the invite is no link")?;
    let person = json!({ "username": name, "password": password });
    rest.read(rest.post(&format!("/api/invites/{secret}")).json(&person)).await
}

/// Somebody who is signed in as browsers are, until they leave.
pub(super) struct Visit {
    cookies: String,
    csrf: Secret,
}

impl Visit {
    /// Signs in.
    pub(super) async fn start(rest: &Rest, name: &str, password: &Secret) -> anyhow::Result<Self> {
        let person = json!({ "username": name, "password": password });
        let answer = rest.send(rest.post("/api/session").json(&person)).await?;
        let cookies = rest::cookies(&answer);
        ensure!(!cookies.is_empty(), "the site opened no session");
        let session: Session = answer.json().await.context("the site's answer cannot be read")?;
        let csrf = session.csrf_token.context("the session has no CSRF token")?;
        Ok(Self { cookies, csrf })
    }

    /// `request` in their name.
    pub(super) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(COOKIE, &self.cookies).header("x-csrf-token", self.csrf.reveal())
    }

    /// Signs out.
    pub(super) async fn leave(self, rest: &Rest) -> anyhow::Result<()> {
        rest.find(self.sign(rest.delete("/api/session"))).await.map(drop)
    }
}
