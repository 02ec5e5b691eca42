//! The picture in words, for the page without scripts.

use super::map::{self, Copies, Strip};
use super::words::{clock, count, duration, percent, rate, size};
use crate::client::Kind;
use crate::picture::{Announce, ClientStatus, Holder, Lesson, Notice, Picture, Torrent};

/// Milliseconds after which a client's report counts as old.
const OLD: u64 = 2000;

/// The whole page.
pub(super) struct View {
    pub(super) clock: String,
    /// The numbers of clients, programs and torrents, in a sentence.
    pub(super) summary: String,
    /// Bytes a second of all clients.
    pub(super) moving: String,
    pub(super) sent: String,
    /// Percentage of all bytes.
    pub(super) leechers_share: u64,
    /// Number of torrents that every client has, such as `3 of 5`.
    pub(super) complete: String,
    pub(super) clients: Vec<ClientLine>,
    pub(super) torrents: Vec<TorrentCard>,
    /// The fastest first.
    pub(super) links: Vec<LinkLine>,
    pub(super) announces: Vec<AnnounceLine>,
    /// The latest first.
    pub(super) lessons: Vec<LessonLine>,
    /// The latest first.
    pub(super) notices: Vec<NoticeLine>,
    pub(super) outside: Vec<String>,
    pub(super) outside_words: String,
}

/// A client.
pub(super) struct ClientLine {
    pub(super) name: String,
    pub(super) program: &'static str,
    pub(super) version: String,
    pub(super) address: String,
    /// The state, with the reason if there is one.
    pub(super) state: String,
    pub(super) badge: &'static str,
    /// Percentage of the content of all its torrents.
    pub(super) has: u64,
    pub(super) sending: String,
    pub(super) fetching: String,
    pub(super) limit: String,
    /// Time since its last answer, if that is old.
    pub(super) age: Option<String>,
}

/// A torrent.
pub(super) struct TorrentCard {
    pub(super) id: u32,
    pub(super) title: String,
    /// Size and pieces.
    pub(super) content: String,
    pub(super) tracker_seeders: String,
    pub(super) tracker_leechers: String,
    pub(super) seeders: u32,
    pub(super) leechers: u32,
    /// Whether tracker and clients count differently.
    pub(super) seeders_differ: bool,
    pub(super) leechers_differ: bool,
    /// When all clients had it, or how many lack it.
    pub(super) completion: String,
    pub(super) width: u32,
    pub(super) height: usize,
    pub(super) copies: Copies,
    pub(super) holders: Vec<HolderLine>,
}

/// What a client has of a torrent.
pub(super) struct HolderLine {
    pub(super) client: String,
    /// `seeding`, `leeching` …, for the CSS class.
    pub(super) activity: &'static str,
    /// The activity in words, with the percentage that it has.
    pub(super) words: String,
    pub(super) strip: Strip,
}

/// A connection on which bytes move.
pub(super) struct LinkLine {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) torrent: String,
    pub(super) rate: String,
}

/// An announce.
pub(super) struct AnnounceLine {
    pub(super) clock: String,
    pub(super) client: String,
    pub(super) torrent: String,
    pub(super) event: String,
    pub(super) answer: String,
}

/// A lesson.
pub(super) struct LessonLine {
    pub(super) clock: String,
    pub(super) title: &'static str,
    pub(super) text: String,
}

/// A notice about a source.
pub(super) struct NoticeLine {
    pub(super) number: u64,
    pub(super) clock: String,
    pub(super) source: String,
    pub(super) text: String,
    pub(super) trouble: bool,
}

/// The program's name as its authors write it.
pub(super) fn program(kind: Kind) -> &'static str {
    match kind {
        Kind::Rtorrent => "rtorrent",
        Kind::Transmission => "Transmission",
        Kind::Qbittorrent => "qBittorrent",
        Kind::Aria2 => "aria2",
        Kind::Libtorrent => "libtorrent",
    }
}

impl View {
    pub(super) fn of(picture: &Picture) -> Self {
        let torrents = &picture.torrents;
        let complete = torrents.iter().filter(|it| it.completed.is_some()).count();
        let mut edges: Vec<_> = picture.edges.iter().collect();
        edges.sort_by_key(|it| std::cmp::Reverse(it.rate));
        Self {
            clock: clock(picture.at),
            summary: summary(picture),
            moving: match picture.edges.iter().map(|it| it.rate).sum() {
                0 => "nothing".to_owned(),
                moving => rate(moving),
            },
            sent: size(picture.sent),
            leechers_share: percent(picture.sent_by_leechers, picture.sent),
            complete: format!("{complete} of {}", torrents.len()),
            clients: (0..).zip(&picture.clients).map(|(i, it)| client(i, it, torrents)).collect(),
            torrents: torrents.iter().map(|it| torrent(it, &picture.clients)).collect(),
            links: edges
                .into_iter()
                .map(|it| LinkLine {
                    from: name(&picture.clients, it.from),
                    to: name(&picture.clients, it.to),
                    torrent: torrents.get(it.torrent).map(|it| it.title.clone()).unwrap_or_default(),
                    rate: rate(it.rate),
                })
                .collect(),
            announces: picture.announces.iter().map(AnnounceLine::from).collect(),
            lessons: picture.lessons.iter().rev().map(LessonLine::from).collect(),
            notices: picture.notices.iter().map(NoticeLine::from).collect(),
            outside: picture.outside.clone(),
            outside_words: match picture.outside.len() {
                0 => "Nothing so far.".to_owned(),
                number => format!("{}.", count(number, "packet", "packets")),
            },
        }
    }
}

fn name(clients: &[ClientStatus], index: usize) -> String {
    clients.get(index).map(|it| it.name.clone()).unwrap_or_default()
}

fn summary(picture: &Picture) -> String {
    let mut kinds: Vec<Kind> = picture.clients.iter().map(|it| it.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    format!(
        "{} of {} share {}, {} in all.",
        count(picture.clients.len(), "client", "clients"),
        count(kinds.len(), "program", "programs"),
        count(picture.torrents.len(), "torrent", "torrents"),
        size(picture.torrents.iter().map(|it| it.size).sum()),
    )
}

fn client(index: usize, status: &ClientStatus, torrents: &[Torrent]) -> ClientLine {
    let shares = || torrents.iter().flat_map(|it| it.holders.iter().map(move |holder| (it, holder)));
    let (done, all) = shares()
        .filter(|(_, holder)| holder.client == index)
        .fold((0, 0), |(done, all), (torrent, holder)| (done + holder.done, all + torrent.size));
    ClientLine {
        name: status.name.clone(),
        program: program(status.kind),
        version: status.version.clone(),
        address: status.address.clone(),
        state: with_reason(status.state, &status.reason),
        badge: badge(status.state),
        has: percent(done, all),
        sending: rate(status.sending),
        fetching: rate(status.fetching),
        limit: status.rate.map(|it| format!("{it} KiB/s")).unwrap_or_default(),
        age: (status.age > OLD).then(|| format!("{} ago", duration(status.age / 1000))),
    }
}

fn with_reason(state: &str, reason: &str) -> String {
    if reason.is_empty() { state.to_owned() } else { format!("{state}: {reason}") }
}

fn badge(state: &str) -> &'static str {
    match state {
        "running" => "badge-good",
        "starting" => "badge-info",
        "dead" => "badge-bad",
        "cut off" => "badge-warn",
        _ => "",
    }
}

fn torrent(torrent: &Torrent, clients: &[ClientStatus]) -> TorrentCard {
    let (seeders, leechers) = torrent.clients;
    let told = |it: Option<u32>| it.map_or_else(|| "–".to_owned(), |it| it.to_string());
    TorrentCard {
        id: torrent.id,
        title: torrent.title.clone(),
        content: format!("{} in {}", size(torrent.size), count(torrent.pieces as usize, "piece", "pieces")),
        tracker_seeders: told(torrent.tracker.map(|it| it.0)),
        tracker_leechers: told(torrent.tracker.map(|it| it.1)),
        seeders,
        leechers,
        seeders_differ: torrent.tracker.is_some_and(|it| it.0 != seeders),
        leechers_differ: torrent.tracker.is_some_and(|it| it.1 != leechers),
        completion: completion(torrent, clients.len()),
        width: map::width(torrent),
        height: torrent.holders.len().max(1),
        copies: map::copies(torrent),
        holders: torrent.holders.iter().map(|it| holder(it, torrent, clients)).collect(),
    }
}

fn completion(torrent: &Torrent, clients: usize) -> String {
    if let Some(seconds) = torrent.completed {
        return format!("At every client, first after {}", duration(seconds.into()));
    }
    if torrent.holders.is_empty() {
        return "No client has it yet".to_owned();
    }
    let lacking = torrent.lacking(clients);
    if lacking == 0 {
        return "Nobody lacks anything".to_owned();
    }
    let mut slowest = torrent.holders.iter().filter(|it| !it.has_all(torrent.size)).map(|it| it.eta);
    match slowest.try_fold((0, 0), |(most, number), eta| eta.map(|eta| (most.max(eta), number + 1))) {
        Some((seconds, number)) if number == lacking => format!("About {} to go", duration(seconds)),
        _ => format!("{} to go", count(lacking, "client", "clients")),
    }
}

fn holder(holder: &Holder, torrent: &Torrent, clients: &[ClientStatus]) -> HolderLine {
    let has = percent(holder.done, torrent.size);
    let words = match holder.activity {
        "seeding" if holder.origin => "given".to_owned(),
        "seeding" => "seeds".to_owned(),
        "leeching" => format!("{has} %"),
        "checking" => format!("checks, {has} %"),
        activity => with_reason(&format!("{activity}, {has} %"), &holder.reason),
    };
    HolderLine {
        client: name(clients, holder.client),
        activity: holder.activity,
        words,
        strip: map::strip(holder, torrent),
    }
}

impl From<&Announce> for AnnounceLine {
    fn from(announce: &Announce) -> Self {
        Self {
            clock: clock(announce.at),
            client: announce.client.clone(),
            torrent: announce.torrent.clone(),
            event: if announce.event.is_empty() { "regular".to_owned() } else { announce.event.clone() },
            answer: announce.answer.clone(),
        }
    }
}

impl From<&Lesson> for LessonLine {
    fn from(lesson: &Lesson) -> Self {
        Self { clock: clock(lesson.at), title: lesson.title, text: lesson.text.clone() }
    }
}

impl From<&Notice> for NoticeLine {
    fn from(notice: &Notice) -> Self {
        Self {
            number: notice.number,
            clock: clock(notice.at),
            source: notice.source.clone(),
            text: notice.text.clone(),
            trouble: notice.trouble,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::tests::made_up::torrent;

    #[test]
    fn completion_is_what_was_or_what_is_to_come() {
        let mut torrent = torrent("heron");
        assert_eq!(completion(&torrent, 2), "About 7 s to go");
        assert_eq!(completion(&torrent, 3), "2 clients to go", "one has not begun");
        torrent.holders[1].eta = None;
        assert_eq!(completion(&torrent, 2), "1 client to go");
        (torrent.holders[1].done, torrent.holders[1].activity) = (torrent.size, "checking");
        assert_eq!(torrent.lacking(2), 1, "it may find something wrong");
        torrent.holders[1].activity = "stopped";
        assert_eq!((torrent.lacking(2), torrent.lacking(3)), (0, 1));
        assert_eq!(completion(&torrent, 2), "Nobody lacks anything");
        torrent.completed = Some(65);
        assert_eq!(completion(&torrent, 2), "At every client, first after 1 min 5 s");
        let nowhere = Torrent { completed: None, holders: Vec::new(), ..torrent };
        assert_eq!(completion(&nowhere, 2), "No client has it yet");
    }
}
