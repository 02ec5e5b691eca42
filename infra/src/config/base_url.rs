//! Public base URLs, to which paths are appended.

use std::fmt;

use serde::{Deserialize, Deserializer};
use url::Url;

use super::values::wrong;

/// An `http` or `https` URL without query, and without a slash at its end. The default is empty and stands for a
/// missing key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, empty or beginning with a slash, never ending in one.
    pub fn path(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host..].find('/').map_or("", |at| &self.0[host + at..])
    }

    pub(super) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = Url::parse(&text).map_err(|_| wrong("expected a URL as https://site.example.org"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("expected an http or https URL without a query"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("expected a URL without a user name: it is shown to members"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}
