//! A reverse proxy for the site, which streams requests and answers.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{LengthLimitError, Limited};
use hyper::body::Body as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Peer;

/// Bytes of a request's body, at most; the site itself takes 10 MiB.
const MAX_BODY: usize = 16 << 20;

/// Wait for an answer to begin; the site itself ends requests after 30 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// Wait for a connection to the site, and time that an unused one is kept: shorter than the site keeps it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that belong to one connection (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// A connection pool to the site.
pub(super) struct Proxy {
    client: Client<HttpConnector, Limited<Body>>,
    authority: Option<Authority>,
}

impl Proxy {
    pub(super) fn new(site: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECTION_TIMEOUT));
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(CONNECTION_TIMEOUT).build(connector);
        Self { client, authority: Authority::try_from(site.to_string()).ok() }
    }

    /// Forwards a request. The site's answer, or a sentence in place of it.
    pub(super) async fn forward(&self, request: Request) -> Response {
        if *request.method() == Method::CONNECT {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        if request.body().size_hint().lower() > MAX_BODY as u64 {
            return too_large();
        }
        let asked = self.client.request(self.outgoing(request));
        match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(Ok(answer)) => {
                let mut answer = answer.map(Body::new);
                remove_hop_by_hop(answer.headers_mut());
                answer
            }
            Ok(Err(error)) if is_too_large(&error) => too_large(),
            Ok(Err(error)) => {
                tracing::warn!("cannot reach the site: {error}");
                away()
            }
            Err(_) => {
                (StatusCode::GATEWAY_TIMEOUT, "The site takes too long to answer. Try again in a moment.\n")
                    .into_response()
            }
        }
    }

    /// The request as it is sent to the site.
    fn outgoing(&self, request: Request) -> hyper::Request<Limited<Body>> {
        let peer = request.extensions().get().copied();
        let (mut parts, body) = request.into_parts();
        let mut uri = axum::http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority.clone_from(&self.authority);
        let path = parts.uri.path_and_query().cloned();
        uri.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
        parts.uri = Uri::from_parts(uri).unwrap_or_default();
        parts.version = Version::HTTP_11;
        remove_hop_by_hop(&mut parts.headers);
        if let Some(Peer(peer)) = peer
            && let Ok(address) = HeaderValue::try_from(peer.ip().to_canonical().to_string())
        {
            parts.headers.append(FORWARDED_FOR, address);
        }
        hyper::Request::from_parts(parts, Limited::new(body, MAX_BODY))
    }
}

/// The answer while the site cannot be reached.
pub(super) fn away() -> Response {
    let sentence = "The site does not answer. It starts, or has ended: try again in a few seconds.\n";
    (StatusCode::BAD_GATEWAY, sentence).into_response()
}

fn too_large() -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, "That is too large. Send 16 MiB at most.\n").into_response()
}

/// Whether the error says that a request's body was too large.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .filter_map(|it| it.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}
