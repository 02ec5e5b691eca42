//! Invites and sessions, as browsers use them.

use anyhow::{Context, ensure};
use infra::secrets::Secret;
use reqwest::RequestBuilder;
use reqwest::header::COOKIE;
use serde_json::json;

use super::rest::{self, Rest};
use super::shapes::{Claimed, Session};

/// Makes an account by the invite at `link`.
pub(super) async fn claim(rest: &Rest, link: &str, name: &str, password: &Secret) -> anyhow::Result<Claimed> {
    let (_, secret) = link.rsplit_once('/').context("the site gave an invite without a link")?;
    let person = json!({ "username": name, "password": password });
    rest.read(rest.post(&format!("/api/invites/{secret}")).json(&person)).await
}

/// A browser's session.
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
        let csrf = session.csrf_token.context("the site gave a session without a CSRF token")?;
        Ok(Self { cookies, csrf })
    }

    /// Adds the session to a request.
    pub(super) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(COOKIE, &self.cookies).header("x-csrf-token", self.csrf.reveal())
    }

    /// Signs out.
    pub(super) async fn leave(self, rest: &Rest) -> anyhow::Result<()> {
        rest.find(self.sign(rest.delete("/api/session"))).await.map(drop)
    }
}
