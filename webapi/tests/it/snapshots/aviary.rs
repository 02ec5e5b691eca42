//! A site with something on each page.

use bt::messages::report::Report;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::making::{several, single};
use crate::support::{Browser, PASSWORD, TestSite};
use crate::transfers::{apply, report};

/// Secrets of links.
pub(super) struct Links {
    /// An open invite.
    pub(super) invite: String,
    /// An invite that made the account `finch`.
    claimed: String,
    /// A link to the password of `robin`.
    pub(super) reset: String,
}

/// An administrator `owl` (1), members `wren` (2) and `robin` (3), and `finch` (4), who is disabled; three torrents.
pub(super) struct Aviary {
    pub(super) site: TestSite,
    pub(super) owl: Browser,
    pub(super) wren: Browser,
    pub(super) links: Links,
}

impl Aviary {
    pub(super) async fn new() -> Self {
        let site = TestSite::start().await;
        let owl = site.member("owl", &["administrator"]).await;
        let wren = site.member("wren", &["inviter"]).await;
        let robin = site.member("robin", &[]).await;
        upload(&wren, &robin).await;
        transfer(&site).await;
        wren.create("/api/tokens", json!({ "name": "Prowlarr <1>", "scopes": ["read"] })).await;
        wren.create("/api/tokens", json!({ "name": "endless", "expires_in_days": null })).await;
        wren.create("/api/feed-keys", json!({ "name": "reader" })).await;
        site.browser().sign_in("wren").await;
        let links = link(&site, &owl, &wren).await;
        let disabled = owl.api(Method::PATCH, "/api/members/4", Some(json!({ "disabled": true }))).await;
        assert_eq!(disabled.status, StatusCode::OK, "{}", disabled.body);
        Self { site, owl, wren, links }
    }

    /// `path` with the secrets of links filled in.
    pub(super) fn path(&self, path: &str) -> String {
        let Links { invite, claimed, reset } = &self.links;
        path.replace("{invite}", invite).replace("{claimed}", claimed).replace("{reset}", reset)
    }
}

impl Browser {
    /// Makes something by API and answers it.
    async fn create(&self, path: &str, body: Value) -> Value {
        let made = self.api(Method::POST, path, Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        made.json()
    }
}

/// Two torrents of wren, one of robin.
async fn upload(wren: &Browser, robin: &Browser) {
    let files = ["1 dawn/blackbird.flac", "1 dawn/wren.flac", "2 dusk/<owl>.flac", "notes.txt"];
    let texts = [
        ("title", "Field recordings"),
        (
            "description",
            "# Birds\n\n*Recorded* at [the lake](https://example.org/).\n\n<script>alert(1)</script>",
        ),
        ("extended", r#"{"Year": 2026, "Language": "English"}"#),
    ];
    let folder = wren.upload(several("Field recordings", &files), &texts).await;
    assert_eq!(folder.status, StatusCode::CREATED, "{}", folder.body);
    wren.add_torrent("Été <2026> & \"more\"").await;
    let alder = robin.upload(single("alder", true, None), &[]).await;
    assert_eq!(alder.status, StatusCode::CREATED, "{}", alder.body);
}

/// Wren seeds the first torrent and leeches the third, robin has finished the first and claims what cannot be.
async fn transfer(site: &TestSite) {
    let seeding = Report { seeded: 90_000, snatched: true, ..report(2, 1, 3 << 30, 2 << 30) };
    let leeching = Report { left: 10_000, ..report(2, 3, 0, 10_000) };
    let odd = Report { snatched: true, clamped: true, stopped: true, ..report(3, 1, 1 << 20, 3 << 20) };
    apply(site, 1, &[seeding, leeching, odd]).await;
}

/// Invites of wren, of which finch claims one and one is revoked, and a link to robin's password.
async fn link(site: &TestSite, owl: &Browser, wren: &Browser) -> Links {
    let secret = |made: &Value| {
        let url = made["url"].as_str().expect("a URL");
        url.rsplit('/').next().expect("a secret").to_owned()
    };
    let claimed = secret(&wren.create("/api/invites", json!({})).await);
    let path = format!("/invites/{claimed}");
    let finch = site.browser();
    let answer = finch.post_from(&path, &path, &[("username", "finch"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let revoked = secret(&wren.create("/api/invites", json!({ "note": "nobody" })).await);
    let answer = wren.api(Method::DELETE, &format!("/api/invites/{revoked}"), None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    let invite = secret(&wren.create("/api/invites", json!({ "note": "Eve <eve@b>" })).await);
    let reset = secret(&owl.create("/api/members/3/password-resets", json!({})).await);
    Links { invite, claimed, reset }
}
