//! `/api/live`: counts of seeders, leechers and snatches as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tower_sessions::Session;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::api::shapes::{ErrorBody, MemberFailure};
use crate::app::App;
use crate::auth::needs::FOLLOW;
use crate::auth::visitor::{Credentials, Uncounted, Visitor};
use crate::auth::{self, ListFollower};
use crate::db::catalogue::torrent::Watched;
use crate::db::{self};
use crate::domain::member::Member;
use crate::error::Error;
use crate::extract::Query;
use crate::id::{TorrentId, UserId};
use crate::live::{Present, StreamPermit};
use crate::routes::Routes;

/// Most torrents in one stream. A page of the list shows fewer.
const MAX_TORRENTS: usize = 200;

/// Shortest time between two events of one torrent.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Time between two comments in the stream, which keep proxies from closing a silent connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `Retry-After` of the answer when too many streams are open.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The operation `GET /api/live`.
pub fn routes() -> Routes {
    // `EventStreams` limits streams; each is one request, however long it lasts.
    Routes::new().operation(FOLLOW, routes!(live)).map(|router| router.layer(Extension(Uncounted)))
}

/// The query of `GET /api/live`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// Ids of torrents, separated by commas; 200 at most.
    #[param(example = "1,2,3")]
    torrents: String,
}

/// The data of an event `counts`.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveCounts {
    /// The torrent's id.
    pub id: TorrentId,
    /// Peers that have everything; null while the tracker is not heard.
    pub seeders: Option<u32>,
    /// All other peers; null while the tracker is not heard.
    pub leechers: Option<u32>,
    /// Completed downloads.
    pub snatched: u32,
}

/// Follow counts
///
/// Server-sent events named `counts`, whose `data` has this schema: first the present counts of each torrent, then
/// each change. Unknown ids are left out. The stream ends when the session or token that opened it ends.
#[utoipa::path(
    get,
    path = "/api/live",
    operation_id = "follow_counts",
    tag = "torrents",
    params(Parameters),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = LiveCounts),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many streams are open", body = ErrorBody),
        MemberFailure,
    )
)]
async fn live(
    State(app): State<App>,
    ListFollower(member): ListFollower,
    session: Session,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    let ids = parse(&parameters.torrents)?;
    let permit = app.live.streams().open(member.id).ok_or(Error::TooMany { retry_after: RETRY_AFTER })?;
    let client = app.connection().await?;
    let watched = db::catalogue::torrent::watched(&client, &ids).await?;
    drop(client);
    let subscription = Subscription {
        watched: watched.into_iter().map(|it| (it, None)).collect(),
        changes: app.live.changes(),
        departures: app.departures.subscribe(),
        next: 0,
        check: Instant::now() + app.stream_check,
        member,
        session,
        headers,
        app,
        _permit: permit,
    };
    let events = stream::unfold(subscription, Subscription::step);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn parse(torrents: &str) -> Result<Vec<TorrentId>, Error> {
    let ids: Result<Vec<TorrentId>, _> =
        torrents.split(',').filter(|it| !it.is_empty()).map(str::parse).collect();
    match ids {
        Ok(mut ids) if (1..=MAX_TORRENTS).contains(&ids.len()) => {
            ids.sort_unstable();
            ids.dedup();
            Ok(ids)
        }
        _ => Err(Error::Parameters(format!(
            "torrents: expected 1 to {MAX_TORRENTS} ids with commas between them"
        ))),
    }
}

/// One open stream.
struct Subscription {
    app: App,
    member: Member,
    session: Session,
    headers: HeaderMap,
    /// The torrents followed, each with the counts last sent.
    watched: Vec<(Watched, Option<Present>)>,
    changes: watch::Receiver<u64>,
    departures: broadcast::Receiver<UserId>,
    /// Index in `watched` of the torrent to compare next.
    next: usize,
    /// When to check next whether the member is still signed in.
    check: Instant,
    _permit: StreamPermit,
}

impl Subscription {
    /// The next event; `None` ends the stream.
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(counts) = self.changed() {
                let event = Event::default().event("counts").json_data(counts).ok()?;
                return Some((Ok(event), self));
            }
            self.next = 0;
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    // Changes within `MIN_INTERVAL` are sent together.
                    tokio::select! {
                        () = sleep(MIN_INTERVAL) => {}
                        () = self.app.shutdown.requested() => return None,
                    }
                    self.changes.mark_unchanged();
                }
                () = sleep_until(self.check) => self.check_member().await?,
                departed = self.departures.recv() => {
                    if departed.map_or(true, |id| id == self.member.id) {
                        self.check_member().await?;
                    }
                }
                () = self.app.shutdown.requested() => return None,
            }
        }
    }

    /// The counts of the first torrent, from index `next` on, that differ from those last sent.
    fn changed(&mut self) -> Option<LiveCounts> {
        for place in self.next..self.watched.len() {
            let (watched, sent) = self.watched.get_mut(place)?;
            let mut present = self.app.live.present(watched.info_hash, watched.snatched);
            // `watched.snatched` was read when the stream began: a higher number sent since must not fall back to it.
            present.snatched = present.snatched.max(sent.map_or(0, |it| it.snatched));
            if *sent != Some(present) {
                *sent = Some(present);
                self.next = place + 1;
                let Present { seeders, leechers, snatched } = present;
                return Some(LiveCounts { id: watched.id, seeders, leechers, snatched });
            }
        }
        None
    }

    /// `None` once the member is signed out or disabled. While the database is away, the member counts as signed in.
    async fn check_member(&mut self) -> Option<()> {
        self.check = Instant::now() + self.app.stream_check;
        let session = Session::new(
            self.session.id(),
            std::sync::Arc::new(auth::session::store::Store::new(self.app.clone())),
            None,
        );
        match Visitor::find(&self.app, Credentials::default(), &self.headers, &session).await {
            Ok(visitor) => (visitor.member()?.id == self.member.id).then_some(()),
            Err(Error::Unauthorized | Error::TokenExpired) => None,
            Err(_) => Some(()),
        }
    }
}
