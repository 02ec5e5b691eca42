//! Requests in, answers out: what is said on a connection, without the connection.

use std::net::IpAddr;
use std::sync::Arc;

use bt::control::Protocol;
use bt::route;

use crate::Tracker;
use crate::answer::{Asked, Origin, Refusal, Stop};
use crate::http_answer::{Status, write};
use crate::http_request::{Method, Persistence, Reading, Request, read};

/// Bytes of a header at most. A scrape with 74 escaped hashes is 5.5 KB.
pub(crate) const MAX_HEADER: usize = 16 * 1024;

/// Beyond so many bytes, answers are sent before others are made.
const ENOUGH: usize = 64 * 1024;

/// A request needs its member and its torrent, and its member once more if the key does not fit.
const MAX_QUESTIONS: usize = 4;

/// Where answers are made.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Ready to be sent.
    pub(crate) bytes: Vec<u8>,
    /// The one that is being made.
    body: Vec<u8>,
}

/// What is to be done once the answers are sent.
#[derive(Debug)]
pub(crate) enum Next {
    /// More must come.
    Read,
    /// There may be another request in what came.
    Respond,
    /// The database must be asked.
    Ask(Open),
    /// Nothing: the connection ends.
    Close(Ending),
}

/// What a client may still be sending when the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing.
    Clean,
    /// A body, or something that cannot be understood.
    Unread,
}

/// A request that could not be answered from memory.
#[derive(Debug)]
pub(crate) struct Open {
    target: Vec<u8>,
    origin: Origin,
    asked: Asked,
    method: Method,
    persistence: Persistence,
    ending: Ending,
}

/// An answer that was asked for.
#[derive(Debug)]
pub(crate) struct Found {
    status: Status,
    body: Vec<u8>,
    method: Method,
    persistence: Persistence,
    ending: Ending,
}

/// One side of a conversation.
pub(crate) struct Respondent<'a> {
    pub(crate) tracker: &'a Tracker,
    pub(crate) peer: IpAddr,
    pub(crate) protocol: Protocol,
    /// Whether the last of the requests that came is the last of the connection.
    pub(crate) stopping: bool,
}

impl Respondent<'_> {
    /// Answers the requests in `input`, in order, and says how many of its bytes are done with.
    pub(crate) fn respond(&self, input: &[u8], answers: &mut Answers) -> (usize, Next) {
        let mut done = 0;
        while done < input.len() {
            if answers.bytes.len() > ENOUGH {
                return (done, Next::Respond);
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
            if let Err(open) = self.answer(&request, answers) {
                return (done, Next::Ask(open));
            }
            if request.persistence == Persistence::Closed {
                return (done, Next::Close(request.ending(done < input.len())));
            }
        }
        (done, if self.stopping { Next::Close(Ending::Clean) } else { Next::Read })
    }

    fn answer(&self, request: &Request<'_>, answers: &mut Answers) -> Result<(), Open> {
        let Request { method, target, client, persistence, .. } = *request;
        let Answers { bytes, body } = answers;
        body.clear();
        let status = if method == Method::Other {
            Status::MethodNotAllowed
        } else {
            let origin = Origin { ip: client, protocol: self.protocol };
            let mut asked = Asked::default();
            match self.tracker.answer(target, origin, &mut asked, body) {
                Ok(()) => Status::Ok,
                Err(Stop::Refused(refusal)) => refused(refusal, body),
                Err(Stop::Ask(_)) => {
                    let ending = request.ending(false);
                    let target = target.to_vec();
                    return Err(Open { target, origin, asked, method, persistence, ending });
                }
            }
        };
        write(bytes, status, method, persistence, body);
        Ok(())
    }
}

impl Request<'_> {
    /// How the connection ends after it; `more` says whether something came behind it.
    fn ending(&self, more: bool) -> Ending {
        if more || self.has_body { Ending::Unread } else { Ending::Clean }
    }
}

impl Open {
    /// Answers the request, with the database's help.
    pub(crate) async fn ask(self, tracker: Arc<Tracker>) -> Found {
        let Self { target, origin, asked, method, persistence, ending } = self;
        let mut body = Vec::new();
        let status = find(&tracker, &target, origin, asked, &mut body).await;
        Found { status, body, method, persistence, ending }
    }
}

impl Found {
    /// Appends the answer, and says how the connection ends, if it ends with it.
    pub(crate) fn write(self, last: bool, answers: &mut Answers) -> Option<Ending> {
        let persistence = if last { Persistence::Closed } else { self.persistence };
        write(&mut answers.bytes, self.status, self.method, persistence, &self.body);
        (persistence == Persistence::Closed).then_some(self.ending)
    }
}

async fn find(
    tracker: &Tracker,
    target: &[u8],
    origin: Origin,
    mut asked: Asked,
    body: &mut Vec<u8>,
) -> Status {
    for _ in 0..MAX_QUESTIONS {
        match tracker.answer(target, origin, &mut asked, body) {
            Ok(()) => return Status::Ok,
            Err(Stop::Refused(refusal)) => return refused(refusal, body),
            Err(Stop::Ask(subject)) => {
                asked.note(&subject);
                if tracker.directory.ask(subject).await.is_err() {
                    break;
                }
            }
        }
    }
    tracker.give_up(target, origin, asked);
    refused(Refusal::Unavailable, body)
}

fn refused(refusal: Refusal, body: &mut Vec<u8>) -> Status {
    refusal.encode(body);
    let elsewhere = refusal == Refusal::Route(route::Error::Elsewhere);
    if elsewhere { Status::NotFound } else { Status::Ok }
}

/// Where the next request begins cannot be known.
fn refuse(status: Status, answers: &mut Answers) -> Next {
    write(&mut answers.bytes, status, Method::Other, Persistence::Closed, b"");
    Next::Close(Ending::Unread)
}
