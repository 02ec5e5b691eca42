//! The page that shows the secret of a new token or feed key.

use infra::secrets::Secret;

use crate::ui::PageLayout;

/// Shows a secret. It is stored nowhere and cannot be shown again.
#[derive(askama::Template)]
#[template(path = "account/secret.html")]
pub(super) struct SecretPage {
    pub(super) layout: PageLayout,
    /// Says what was made: `New API token`.
    pub(super) heading: &'static str,
    /// The name that the member gave it.
    pub(super) name: String,
    pub(super) secret: Secret,
    /// Path of the page that follows, beginning with a slash.
    pub(super) next: &'static str,
}
