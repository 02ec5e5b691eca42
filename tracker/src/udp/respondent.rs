//! Answers datagrams, without the sockets.

use std::net::IpAddr;
use std::sync::Arc;

use bt::announce::Response;
use bt::messages::control::{Protocol, Verdict};
use bt::route::{self, Route};
use bt::swarm::Counts;
use bt::token::Token;
use bt::udp_tracker::{Action, Announce, ConnectionIds, Reply, Request, Scrape};

use crate::answer::{Origin, Refusal, RequestState, Unanswered};
use crate::directory::Subject;
use crate::metrics::counters;
use crate::state::Tracker;

/// Answers datagrams; all threads share it.
pub(super) struct Respondent {
    pub(super) tracker: Arc<Tracker>,
    ids: ConnectionIds,
}

/// The sender of a request, and the buffer for its answer.
struct Sender<'a> {
    ip: IpAddr,
    transaction: u32,
    state: RequestState,
    out: &'a mut Vec<u8>,
}

impl Respondent {
    pub(super) fn new(tracker: Arc<Tracker>, ids: ConnectionIds) -> Self {
        Self { tracker, ids }
    }

    /// Appends the answer to a datagram from `ip`, from memory alone. A sender that has not proved its address by a
    /// connection id gets nothing but such an id, which has no more bytes than the request: so nobody can use the
    /// tracker to flood a forged address.
    ///
    /// # Errors
    /// What the database must be asked first; nothing is appended then.
    pub(super) fn answer(
        &self,
        datagram: &[u8],
        ip: IpAddr,
        state: &mut RequestState,
        out: &mut Vec<u8>,
    ) -> Result<(), Subject> {
        let Some(Request { connection, transaction, action }) = Request::read(datagram) else {
            return Ok(());
        };
        let now = self.tracker.clock.now();
        let body = match action {
            Action::Connect => {
                Reply::Connect(self.ids.issue(ip, now)).write(transaction, out);
                return Ok(());
            }
            _ if !self.ids.accept(connection, ip, now) => return Ok(()),
            Action::Announce(body) | Action::Scrape(body) => body,
        };
        let scrape = matches!(action, Action::Scrape(_));
        let done = Tracker::counted(counted_as(action), Protocol::Udp, state, |state| {
            let sender = Sender { ip, transaction, state, out: &mut *out };
            if scrape { self.scrape(body, sender) } else { self.announce(body, sender) }
        });
        match done {
            Ok(()) => Ok(()),
            Err(Unanswered::Lookup(subject)) => Err(subject),
            Err(Unanswered::Refused(refusal)) => {
                refuse(refusal, transaction, out);
                Ok(())
            }
        }
    }

    /// Appends the refusal of a request from `ip` for which the database did not answer.
    pub(super) fn give_up(&self, datagram: &[u8], ip: IpAddr, state: RequestState, out: &mut Vec<u8>) {
        let Some(Request { transaction, action, .. }) = Request::read(datagram) else { return };
        state.end();
        counters::count(counted_as(action), Protocol::Udp, Verdict::Unavailable);
        if let Action::Announce(body) = action
            && let Ok(Announce { request, url }) = Announce::read(body)
            && let Ok(token) = self.token(&url)
        {
            let origin = Origin { ip, protocol: Protocol::Udp };
            self.tracker.check_refused_key(&token, Some(&request), Refusal::Unavailable, origin);
        }
        refuse(Refusal::Unavailable, transaction, out);
    }

    fn announce(&self, body: &[u8], sender: Sender<'_>) -> Result<(), Unanswered> {
        let Announce { request, url } = Announce::read(body)?;
        let token = self.token(&url)?;
        let Sender { ip, transaction, state, out } = sender;
        let origin = Origin { ip, protocol: Protocol::Udp };
        self.tracker.announce(&token, &request, origin, state, |response| {
            let Response { interval, complete, incomplete, peers, .. } = *response;
            Reply::announce(interval, complete, incomplete, peers, ip.is_ipv6()).write(transaction, out);
        })
    }

    fn scrape(&self, body: &[u8], sender: Sender<'_>) -> Result<(), Unanswered> {
        let scrape = Scrape::read(body)?;
        let token = self.token(&scrape.url)?;
        let hashes: Vec<_> = scrape.hashes().collect();
        let mut files: Vec<Counts> = Vec::with_capacity(hashes.len());
        let Sender { ip, transaction, state, out } = sender;
        let origin = Origin { ip, protocol: Protocol::Udp };
        self.tracker.scrape(&token, &hashes, origin, state, |_, counts| {
            files.push(counts.unwrap_or_default());
        })?;
        Reply::Scrape(files.into()).write(transaction, out);
        Ok(())
    }

    /// The key in the URL of an announce or scrape. The datagram says which of them it is, so the URL may name either.
    fn token(&self, url: &[u8]) -> Result<Token, Refusal> {
        if url.is_empty() {
            return Err(route::Error::KeyMissing.into());
        }
        let route = Route::parse(url, self.tracker.settings.path_depth)?;
        Token::parse(route.key).ok_or(Refusal::Passkey)
    }
}

fn counted_as(action: Action<'_>) -> route::Action {
    match action {
        Action::Scrape(_) => route::Action::Scrape,
        _ => route::Action::Announce,
    }
}

fn refuse(refusal: Refusal, transaction: u32, out: &mut Vec<u8>) {
    Reply::Error(refusal.to_string().into()).write(transaction, out);
}
