//! The address of a client's interface, with user name and password.

use std::fmt;

use serde::Deserialize;
use url::Url;

use crate::Error;

/// The address of a client's interface, with user name and password.
///
/// | program | URL |
/// | --- | --- |
/// | Transmission | `http://HOST:9091/transmission/rpc` |
/// | qBittorrent | `http://HOST:8080/`, with the path prefix of a proxy, if any |
/// | rtorrent | `scgi://HOST:5000`, `scgi:///PATH/TO/SOCKET`, or `http://HOST/RPC2` of a web server before it |
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Endpoint {
    pub(crate) url: Url,
    /// Empty if the client asks for no user name.
    pub(crate) user: String,
    pub(crate) password: Password,
}

/// An [`Endpoint`] in configuration files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    url: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: Password,
}

/// A password or an API key: redacted in `Debug`, without `Display`.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Endpoint {
    /// An endpoint at `url`; `user` and `password` are empty if the client asks for none. For qBittorrent, a password
    /// with an empty user name is an API key.
    ///
    /// # Errors
    /// [`Error::Url`] for a URL that cannot be read or that holds a user name or password.
    pub fn new(url: &str, user: impl Into<String>, password: impl Into<Password>) -> Result<Self, Error> {
        // The error does not quote the URL, which may contain a password.
        let url = Url::parse(url).map_err(|error| Error::Url(format!("a client's URL is wrong: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Url("user name and password do not belong into a client's URL".to_owned()));
        }
        Ok(Self { url, user: user.into(), password: password.into() })
    }

    /// Refuses URLs to which no HTTP request can be sent.
    pub(crate) fn check_http(&self) -> Result<(), Error> {
        match self.url.scheme() {
            "http" => Ok(()),
            scheme => Err(Error::Url(format!("this client speaks http://, not {scheme}://"))),
        }
    }
}

impl TryFrom<Fields> for Endpoint {
    type Error = Error;

    fn try_from(fields: Fields) -> Result<Self, Error> {
        Self::new(&fields.url, fields.user, fields.password)
    }
}

impl Password {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_debug_output() {
        let endpoint = Endpoint::new("http://localhost:9091/transmission/rpc", "me", "hunter2").unwrap();
        assert!(!format!("{endpoint:?}").contains("hunter2"));
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_repeated() {
        for url in ["http://me:hunter2@localhost/", "http://me@localhost/", "hunter2"] {
            let error = Endpoint::new(url, "", "").unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_configuration_file_names_an_endpoint() {
        let read = |text: &str| serde_json::from_str::<Endpoint>(text);
        let endpoint = read(r#"{"url":"http://localhost:8080/qb/","user":"me","password":"x"}"#).unwrap();
        assert_eq!((endpoint.url.path(), endpoint.user.as_str()), ("/qb/", "me"));
        assert!(read(r#"{"url":"scgi:///run/rtorrent.sock"}"#).unwrap().password.is_empty());
        assert!(read(r#"{"url":"http://localhost/","pass":"x"}"#).unwrap_err().to_string().contains("pass"));
    }
}
