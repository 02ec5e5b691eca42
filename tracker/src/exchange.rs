//! Requests in, answers out: HTTP as it is spoken on a connection, without the socket.

use std::net::IpAddr;
use std::sync::Arc;

use bt::messages::control::Protocol;
use bt::route;

use crate::answer::{MAX_LOOKUPS, Origin, Refusal, RequestState, Unanswered};
use crate::http_answer::{Status, write};
use crate::http_request::{Method, Persistence, Reading, Request, read};
use crate::state::Tracker;

/// Bytes of a request's header at most. A scrape with 74 percent-encoded hashes has 5.5 KB.
pub(crate) const MAX_HEADER: usize = 16 * 1024;

/// Bytes of answers beyond which they are sent before further requests are answered. So a connection whose client takes
/// nothing holds at most this and one answer.
const MAX_UNSENT_ANSWERS: usize = 8 * 1024;

/// Buffers for the answers of one connection after the other.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Complete answers, with their headers.
    pub(crate) bytes: Vec<u8>,
    /// The body of the answer that is being made.
    body: Vec<u8>,
}

/// What a connection does once the answers are sent.
#[derive(Debug)]
pub(crate) enum AfterSend {
    /// Reads more.
    Read,
    /// Answers the next request of those that have come.
    Respond,
    /// Asks the database.
    Ask(Pending),
    /// Closes.
    Close(Ending),
}

/// What a client may still be sending when the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing.
    Clean,
    /// A body, further requests, or bytes that are no request.
    Unread,
}

/// A request that waits for the database.
#[derive(Debug)]
pub(crate) struct Pending {
    target: Vec<u8>,
    origin: Origin,
    state: RequestState,
    persistence: Persistence,
    if_refused: Persistence,
    ending: Ending,
}

/// The answer to a [`Pending`] request.
#[derive(Debug)]
pub(crate) struct Answered {
    status: Status,
    body: Vec<u8>,
    persistence: Persistence,
    ending: Ending,
}

/// Answers the requests of one connection.
pub(crate) struct Respondent<'a> {
    pub(crate) tracker: &'a Tracker,
    pub(crate) peer: IpAddr,
    pub(crate) protocol: Protocol,
    /// Whether the process stops: the answer to the last request that has come says that the connection closes.
    pub(crate) stopping: bool,
    /// Whether clients wait to be accepted because the limit of connections is reached. Then this connection ends with
    /// any answer that is not a member's success.
    pub(crate) crowded: bool,
}

impl Respondent<'_> {
    /// Answers the requests in `input`, in order. Returns how many of its bytes are answered, and what comes next.
    pub(crate) fn respond(&self, input: &[u8], answers: &mut Answers) -> (usize, AfterSend) {
        let mut done = 0;
        while done < input.len() {
            if answers.bytes.len() > MAX_UNSENT_ANSWERS {
                return (done, AfterSend::Respond);
            }
            let rest = &input[done..];
            let mut request = match read(rest, self.peer, &self.tracker.settings.trusted) {
                Reading::Whole(request) if request.length <= MAX_HEADER => request,
                Reading::Partial if rest.len() < MAX_HEADER => break,
                Reading::Malformed => return (input.len(), refuse(Status::BadRequest, answers)),
                _ => return (input.len(), refuse(Status::HeaderTooLarge, answers)),
            };
            done += request.length;
            if self.stopping && done == input.len() {
                request.persistence = Persistence::Closed;
            }
            match self.answer(&request, answers) {
                Ok(Persistence::Closed) => {
                    return (done, AfterSend::Close(request.ending(done < input.len())));
                }
                Ok(_) => {}
                Err(pending) => return (done, AfterSend::Ask(pending)),
            }
        }
        (done, if self.stopping { AfterSend::Close(Ending::Clean) } else { AfterSend::Read })
    }

    /// Appends the answer, and says whether the connection stays open after it.
    fn answer(&self, request: &Request<'_>, answers: &mut Answers) -> Result<Persistence, Pending> {
        let Request { method, target, client, persistence, .. } = *request;
        let Answers { bytes, body } = answers;
        body.clear();
        let if_refused = if self.crowded { Persistence::Closed } else { persistence };
        let (status, persistence) = match method {
            Method::Get => {
                let origin = Origin { ip: client, protocol: self.protocol };
                let mut state = RequestState::default();
                match self.tracker.answer(target, origin, &mut state, body) {
                    Ok(()) if self.crowded && self.tracker.is_health(target) => (Status::Ok, if_refused),
                    Ok(()) => (Status::Ok, persistence),
                    Err(Unanswered::Refused(refusal)) => refused(refusal, if_refused, body),
                    Err(Unanswered::Lookup(subject)) => {
                        state.note_paid(&subject);
                        let (target, ending) = (target.to_vec(), request.ending(false));
                        return Err(Pending { target, origin, state, persistence, if_refused, ending });
                    }
                }
            }
            Method::Head if self.tracker.is_health(target) => {
                self.tracker.write_health(body);
                (Status::Ok, if_refused)
            }
            Method::Head | Method::Other => (Status::MethodNotAllowed, Persistence::Closed),
        };
        write(bytes, status, method, persistence, body);
        Ok(persistence)
    }
}

impl Request<'_> {
    /// How the connection ends after this request; `more` says whether further bytes came behind it.
    fn ending(&self, more: bool) -> Ending {
        if more || self.has_body { Ending::Unread } else { Ending::Clean }
    }
}

impl Pending {
    /// Answers the request, asking the database for what memory lacks.
    pub(crate) async fn answer(self, tracker: Arc<Tracker>) -> Answered {
        let mut body = Vec::new();
        let (status, persistence) = self.try_answer(&tracker, &mut body).await;
        Answered { status, body, persistence, ending: self.ending }
    }

    async fn try_answer(&self, tracker: &Tracker, body: &mut Vec<u8>) -> (Status, Persistence) {
        let mut state = self.state;
        for _ in 0..MAX_LOOKUPS {
            match tracker.answer(&self.target, self.origin, &mut state, body) {
                Ok(()) => return (Status::Ok, self.persistence),
                Err(Unanswered::Refused(refusal)) => return refused(refusal, self.if_refused, body),
                Err(Unanswered::Lookup(subject)) => {
                    state.note(&subject);
                    if tracker.directory.ask(subject).await.is_err() {
                        break;
                    }
                }
            }
        }
        tracker.give_up(&self.target, self.origin, state);
        refused(Refusal::Unavailable, self.if_refused, body)
    }
}

impl Answered {
    /// Appends the answer, and says how the connection ends, if it ends with it.
    pub(crate) fn write(self, last: bool, answers: &mut Answers) -> Option<Ending> {
        let persistence = if last { Persistence::Closed } else { self.persistence };
        write(&mut answers.bytes, self.status, Method::Get, persistence, &self.body);
        (persistence == Persistence::Closed).then_some(self.ending)
    }
}

/// Appends the refusal to `body`. The connection of a client without a key, or with a malformed one, is closed.
fn refused(refusal: Refusal, persistence: Persistence, body: &mut Vec<u8>) -> (Status, Persistence) {
    refusal.encode(body);
    match refusal {
        Refusal::Route(route::Error::Elsewhere) => (Status::NotFound, Persistence::Closed),
        Refusal::Route(_) | Refusal::Passkey => (Status::Ok, Persistence::Closed),
        _ => (Status::Ok, persistence),
    }
}

/// Refuses bytes that are no request, and closes: where the next request begins cannot be known.
fn refuse(status: Status, answers: &mut Answers) -> AfterSend {
    write(&mut answers.bytes, status, Method::Other, Persistence::Closed, b"");
    AfterSend::Close(Ending::Unread)
}
