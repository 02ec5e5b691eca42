//! HTTP: one connection's requests, answered at once from memory or after a question to the database.

use std::convert::Infallible;
use std::future::Future;
use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bt::route;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::Service;
use hyper::{Method, Request, StatusCode};
use infra::client_address::client_address;

use crate::Tracker;
use crate::answer::{Asked, Refusal, Stop};

/// A request needs its member and its torrent, and its member once more if the key does not fit.
const MAX_QUESTIONS: usize = 4;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

type Response = hyper::Response<Full<Cursor<Vec<u8>>>>;

/// What answers the requests of one connection.
#[derive(Clone)]
pub(crate) struct Conversation {
    tracker: Arc<Tracker>,
    peer: IpAddr,
}

impl Conversation {
    pub(crate) fn new(tracker: Arc<Tracker>, peer: SocketAddr) -> Self {
        Self { tracker, peer: peer.ip().to_canonical() }
    }

    /// Headers are looked at only if there are proxies to believe.
    fn client(&self, headers: &HeaderMap) -> IpAddr {
        let trusted = &self.tracker.settings.trusted;
        if trusted.is_empty() {
            return self.peer;
        }
        let forwarded = headers.get_all(&X_FORWARDED_FOR).into_iter();
        client_address(self.peer, forwarded.map(|value| value.to_str().unwrap_or_default()), trusted)
    }
}

impl Service<Request<Incoming>> for Conversation {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        let (parts, _) = request.into_parts();
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Reply::Ready(Some(refuse_method(parts.headers)));
        }
        let client = self.client(&parts.headers);
        match self.tracker.answer(target(&parts), client, Asked::default()) {
            Ok(body) => Reply::Ready(Some(respond(StatusCode::OK, parts.headers, body))),
            Err(Stop::Refused(refusal)) => Reply::Ready(Some(refuse(refusal, parts.headers))),
            Err(Stop::Ask(_)) => {
                Reply::Asking(Box::pin(answer_with_questions(Arc::clone(&self.tracker), parts, client)))
            }
        }
    }
}

/// The answer to one request; no box where none is needed.
pub(crate) enum Reply {
    Ready(Option<Response>),
    Asking(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl Future for Reply {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            // hyper polls until it has the answer, and not again.
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Self::Asking(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}

async fn answer_with_questions(tracker: Arc<Tracker>, parts: Parts, client: IpAddr) -> Response {
    let mut asked = Asked::default();
    for _ in 0..MAX_QUESTIONS {
        match tracker.answer(target(&parts), client, asked) {
            Ok(body) => return respond(StatusCode::OK, parts.headers, body),
            Err(Stop::Refused(refusal)) => return refuse(refusal, parts.headers),
            Err(Stop::Ask(subject)) => {
                asked.note(&subject);
                if tracker.directory.ask(subject).await.is_err() {
                    break;
                }
            }
        }
    }
    refuse(Refusal::Unavailable, parts.headers)
}

fn target(parts: &Parts) -> &[u8] {
    parts.uri.path_and_query().map_or(b"/", |target| target.as_str().as_bytes())
}

fn refuse(refusal: Refusal, headers: HeaderMap) -> Response {
    let mut body = Vec::with_capacity(192);
    refusal.encode(&mut body);
    let elsewhere = refusal == Refusal::Route(route::Error::Elsewhere);
    respond(if elsewhere { StatusCode::NOT_FOUND } else { StatusCode::OK }, headers, body)
}

fn refuse_method(headers: HeaderMap) -> Response {
    let mut answer = respond(StatusCode::METHOD_NOT_ALLOWED, headers, Vec::new());
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

/// `headers` are the request's: their memory serves the answer, and then hyper's next request.
fn respond(status: StatusCode, mut headers: HeaderMap, body: Vec<u8>) -> Response {
    headers.clear();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let mut answer = Response::new(Full::new(Cursor::new(body)));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
