//! Extractors for parts of requests: bodies, parameters of query and path, the client's address. Each kind is parsed
//! here alone, so that each fault has one text.

use std::net::{IpAddr, SocketAddr};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use infra::client_address::client_address;
use infra::secrets::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::app::App;
use crate::domain::cursor::{self, DEFAULT_LIMIT, MAX_LIMIT};
use crate::error::Error;

/// A JSON object, as the body of a request or of an answer.
///
/// It does not check a CSRF token: before a browser sends `application/json` to another site, it asks that site (CORS
/// preflight), and this site never agrees. Operations for members use [`crate::auth::CheckedJson`].
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(Error::MediaType("send JSON, with the header Content-Type: application/json"));
        }
        let body = Bytes::from_request(request, app).await.map_err(|it| unreadable("JSON", &it))?;
        object(&body)
            .map(Self)
            .map_err(|problem| Error::BadRequest(format!("the JSON cannot be read: {problem}")))
    }
}

/// A JSON body that may be left out, together with its media type.
impl<T: DeserializeOwned> OptionalFromRequest<App> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Option<Self>, Error> {
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<App>>::from_request(request, app).await.map(Some)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The parameters of the query; each may occur once.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        urlencoded(query.as_bytes())
            .map(Self)
            .map_err(|problem| Error::Parameters(format!("the parameters cannot be read: {problem}")))
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Most items on the page.
    #[param(value_type = u16, required = false, minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// `next` of the previous page; without it, the first page.
    #[param(value_type = String, required = false)]
    after: Option<String>,
}

/// The unchecked parameters of [`Paging`].
#[derive(Deserialize)]
struct TypedPaging {
    limit: Option<String>,
    after: Option<String>,
}

impl FromRequestParts<App> for Paging {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Query(TypedPaging { limit, after }) = Query::from_request_parts(parts, app).await?;
        let limit =
            limit.map(|it| it.parse().ok().filter(|it| (1..=MAX_LIMIT).contains(it)).ok_or_else(unlimited));
        Ok(Self { limit: limit.transpose()?, after: after.filter(|it| !it.is_empty()) })
    }
}

fn unlimited() -> Error {
    Error::Parameters(format!("limit: expected 1 to {MAX_LIMIT}"))
}

impl Paging {
    /// Most items on the page, 1 to 100.
    pub fn limit(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_LIMIT).into()
    }

    /// Whether the page is the list's first.
    pub fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// The undecoded cursor; `None` for the first page.
    pub fn cursor(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The sort keys after which the page begins; `None` for the first page.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a cursor that is not one of this list.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Error> {
        self.cursor().map(cursor::decode).transpose()
    }
}

/// The only parameter of a path, as an id of [`crate::id`]. A path with anything but a number is answered 404.
#[derive(Debug, Clone, Copy)]
pub struct Id<I>(pub I);

impl<I: DeserializeOwned + Send> FromRequestParts<App> for Id<I> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let id = Path::<I>::from_request_parts(parts, app).await;
        id.map(|Path(id)| Self(id)).map_err(|_| Error::NotFound("page"))
    }
}

/// The only parameter of a path, as text. A path that is not UTF-8 is answered 404.
#[derive(Debug, Clone)]
pub struct Segment(pub String);

impl FromRequestParts<App> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        text.map(|Path(text)| Self(text)).map_err(|_| Error::NotFound("page"))
    }
}

/// [`Segment`] for the secret part of a link.
#[derive(Debug, Clone)]
pub struct SecretSegment(pub Secret);

impl FromRequestParts<App> for SecretSegment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Segment(text) = Segment::from_request_parts(parts, app).await?;
        Ok(Self(text.into()))
    }
}

/// The other end of the connection, as the accept loop sees it: a client or a proxy.
#[derive(Debug, Clone, Copy)]
pub struct ConnectedPeer(pub SocketAddr);

/// The client's address, taken from `X-Forwarded-For` of trusted proxies only. Limits count by it; it is neither
/// stored nor logged.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Some(ConnectedPeer(peer)) = parts.extensions.get() else {
            return Err(Error::Internal(anyhow::anyhow!(
                "a request arrived without its connection's address"
            )));
        };
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
        Ok(Self(client_address(peer.ip(), forwarded, &app.config.trusted_proxies)))
    }
}

/// Parses the fields of an urlencoded form.
///
/// # Errors
/// [`Error::BadRequest`] with what is wrong.
pub fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    urlencoded(body).map_err(|problem| Error::BadRequest(format!("the form cannot be read: {problem}")))
}

/// The error for a body that could not be read to its end; `body` is the word for it.
pub fn unreadable(body: &str, rejection: &BytesRejection) -> Error {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge(format!("the {body} is too large")),
        _ => Error::BadRequest(format!("the {body} cannot be read: {}", rejection.body_text())),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// The message for a text with the character NUL, which Postgres cannot store.
const NUL: &str = "it holds the character NUL, which cannot be stored";

fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    // Refused here, because serde would also read the fields of a structure from an array.
    if json.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err("expected an object, in braces".to_owned());
    }
    if cursor::holds_nul(json) {
        return Err(NUL.to_owned());
    }
    serde_json::from_slice(json).map_err(|problem| problem.to_string())
}

fn urlencoded<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    if form_urlencoded::parse(text).any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(NUL.to_owned());
    }
    serde_urlencoded::from_bytes(text).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Pair {
        name: String,
        age: Option<u8>,
    }

    #[test]
    fn a_json_body_is_an_object_and_no_array_in_its_place() {
        let read = object::<Pair>(b" \n{\"name\": \"wren\"}");
        assert_eq!(read, Ok(Pair { name: "wren".to_owned(), age: None }));
        for wrong in [&b"[\"wren\", 1]"[..], b"\"wren\"", b"1", b"null", b"", b"{", b"\xff"] {
            assert!(object::<Pair>(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn nul_is_refused_wherever_it_is_written() {
        assert!(urlencoded::<Pair>(b"name=a%00b").is_err_and(|it| it == NUL));
        assert!(urlencoded::<Pair>(b"name=a&x%00=b").is_err_and(|it| it == NUL));
        assert!(object::<Pair>(br#"{"name": "a\u0000b"}"#).is_err_and(|it| it == NUL));
        assert!(object::<Pair>(br#"{"name": "a\\\u0000b"}"#).is_err_and(|it| it == NUL));
        let plain = object::<Pair>(br#"{"name": "a\\u0000"}"#);
        assert_eq!(plain.map(|it| it.name), Ok(r"a\u0000".to_owned()));
    }

    #[test]
    fn media_types_of_json_are_known() {
        let of =
            |value| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]));
        assert!(
            of("application/json") && of("Application/JSON; charset=utf-8") && of("application/problem+json")
        );
        assert!(!of("text/json") && !of("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
