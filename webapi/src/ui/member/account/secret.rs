//! A secret that was just made, on a page of its own.

use infra::secrets::Secret;

use crate::ui::Frame;

/// The page: the secret is stored nowhere and shown this once.
#[derive(askama::Template)]
#[template(path = "account/secret.html")]
pub(super) struct SecretPage {
    pub(super) frame: Frame,
    /// Names the kind: `New API token`.
    pub(super) heading: &'static str,
    /// As the member named it.
    pub(super) name: String,
    pub(super) secret: Secret,
    /// Where the page leads afterwards, beginning with a slash.
    pub(super) next: &'static str,
}
