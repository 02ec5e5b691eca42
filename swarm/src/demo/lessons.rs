//! Explains what happens for the first time, to someone who has never seen a swarm.

use crate::picture::{Lesson, Picture};

/// A lesson that is shown when something first happens.
struct Rule {
    title: &'static str,
    /// The text, from the first picture in which it has happened; none before.
    holds: fn(&Picture) -> Option<String>,
}

const RULES: [Rule; 9] = [
    Rule { title: "A client announces itself", holds: announced },
    Rule { title: "Peers connect to each other", holds: connected },
    Rule { title: "The first piece arrives", holds: first_piece },
    Rule { title: "Rarest first: everybody fetches something else", holds: rarest_first },
    Rule { title: "A leecher gives to others", holds: leecher_gives },
    Rule { title: "A leecher becomes a seeder", holds: became_seeder },
    Rule { title: "Everybody has everything", holds: complete },
    Rule { title: "A client is gone, the swarm goes on", holds: gone },
    Rule { title: "Leechers have given more than seeders", holds: mostly_leechers },
];

/// The lessons shown so far.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    told: [bool; RULES.len()],
    lessons: Vec<Lesson>,
}

impl Lessons {
    /// Adds the lessons of what `picture` shows for the first time. All lessons, in order.
    pub(super) fn look(&mut self, picture: &Picture) -> Vec<Lesson> {
        for (rule, told) in RULES.iter().zip(&mut self.told) {
            if !*told && let Some(text) = (rule.holds)(picture) {
                *told = true;
                self.lessons.push(Lesson { at: picture.at, title: rule.title, text });
            }
        }
        self.lessons.clone()
    }
}

fn announced(picture: &Picture) -> Option<String> {
    let first = picture.announces.last()?;
    Some(format!(
        "{} told the tracker: I take part in “{}”, and I listen at this address. The tracker answers with addresses of \
         others who do. It never sees the content: it only introduces them.",
        first.client, first.torrent
    ))
}

fn connected(picture: &Picture) -> Option<String> {
    let edge = picture.edges.first()?;
    let (from, to) = (&picture.clients[edge.from].name, &picture.clients[edge.to].name);
    Some(format!(
        "{to} has connected to {from}, whose address the tracker gave it. They tell each other which pieces they have; \
         from here on the tracker is not needed for this transfer."
    ))
}

fn first_piece(picture: &Picture) -> Option<String> {
    let (torrent, holder) = leechers(picture).find(|(_, holder)| holder.done > 0)?;
    Some(format!(
        "“{}” is cut into {} pieces. {} has its first one and has compared it with the hash in the .torrent: a piece \
         that was damaged on the way would be thrown away and fetched again.",
        torrent.title, torrent.pieces, picture.clients[holder.client].name
    ))
}

fn rarest_first(picture: &Picture) -> Option<String> {
    picture.torrents.iter().find_map(|torrent| {
        let partial: Vec<_> = torrent.holders.iter().filter(|it| !it.origin && it.activity == "leeching").collect();
        partial.iter().enumerate().find_map(|(at, one)| {
            let other = partial[at + 1..].iter().find(|other| differ(&one.map, &other.map))?;
            let name = |client: usize| &picture.clients[client].name;
            Some(format!(
                "{} and {} have different pieces of “{}”. Clients ask first for the pieces that the fewest around them \
                 have: so each soon has something that others want, and no piece dies out.",
                name(one.client),
                name(other.client),
                torrent.title
            ))
        })
    })
}

fn leecher_gives(picture: &Picture) -> Option<String> {
    let edge = picture.edges.iter().find(|edge| {
        let holders = picture.torrents.get(edge.torrent).map_or(&[][..], |torrent| &torrent.holders);
        holders.iter().any(|it| it.client == edge.from && !it.origin && it.activity == "leeching")
    })?;
    Some(format!(
        "{} has not everything yet and already sends pieces to {}. That is why a swarm gets faster, not slower, with \
         everybody who joins.",
        picture.clients[edge.from].name, picture.clients[edge.to].name
    ))
}

fn became_seeder(picture: &Picture) -> Option<String> {
    let (torrent, holder) = leechers(picture).find(|(_, holder)| holder.activity == "seeding")?;
    Some(format!(
        "{} has all of “{}”. It has announced “completed”, which the site counts as a snatch, and stays to give: from \
         now on it is a seeder.",
        picture.clients[holder.client].name, torrent.title
    ))
}

fn complete(picture: &Picture) -> Option<String> {
    let (torrent, _) = leechers(picture).find(|(torrent, _)| torrent.completed.is_some())?;
    Some(format!(
        "All {} clients have “{}”. The first seeders could leave now, and nothing would be lost.",
        picture.clients.len(),
        torrent.title
    ))
}

fn gone(picture: &Picture) -> Option<String> {
    let client = picture.clients.iter().find(|it| matches!(it.state, "dead" | "cut off"))?;
    Some(format!(
        "{} is {}. The others ask somebody else for the pieces they wanted of it. The tracker forgets it when it has \
         not announced for a while; it goes on where it was when it comes back.",
        client.name, client.state
    ))
}

fn mostly_leechers(picture: &Picture) -> Option<String> {
    let fetched = picture.sent_by_leechers;
    let given = picture.sent.saturating_sub(fetched);
    (fetched >= 1 << 20 && fetched > given).then(|| {
        format!(
            "More than half of all bytes, {} of {} MiB, came from clients that began with nothing. Whoever had the \
             content at first has sent {} MiB so far.",
            fetched >> 20,
            picture.sent >> 20,
            given >> 20
        )
    })
}

/// Holders that were not given the content, each with its torrent.
fn leechers(picture: &Picture) -> impl Iterator<Item = (&crate::picture::Torrent, &crate::picture::Holder)> {
    let torrents = picture.torrents.iter();
    torrents.flat_map(|torrent| torrent.holders.iter().filter(|it| !it.origin).map(move |it| (torrent, it)))
}

/// Whether each of two maps has a piece that the other lacks.
fn differ(one: &str, other: &str) -> bool {
    let nibbles =
        |map: &str| map.chars().map(|digit| digit.to_digit(16).unwrap_or_default()).collect::<Vec<_>>();
    let (one, other) = (nibbles(one), nibbles(other));
    let more = |a: &[u32], b: &[u32]| a.iter().zip(b).any(|(a, b)| a & !b != 0);
    more(&one, &other) && more(&other, &one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Holder, Torrent};

    #[test]
    fn maps_differ_only_if_each_has_something_the_other_lacks() {
        assert!(differ("80", "40"));
        assert!(!differ("c0", "40"));
        assert!(!differ("00", "ff"));
    }

    #[test]
    fn everybody_is_somebody_who_fetched_it() {
        let holder = |origin| Holder {
            client: 0,
            activity: "seeding",
            reason: String::new(),
            origin,
            done: 1,
            map: String::new(),
            eta: None,
        };
        let torrent = |holders| Torrent {
            id: 1,
            title: "heron".to_owned(),
            info_hash: String::new(),
            size: 1,
            pieces: 1,
            tracker: None,
            clients: (1, 0),
            completed: Some(1),
            holders,
        };
        let picture = |holders| Picture { torrents: vec![torrent(holders)], ..Picture::default() };
        assert_eq!(complete(&picture(vec![])), None);
        assert_eq!(complete(&picture(vec![holder(true)])), None);
        assert!(complete(&picture(vec![holder(true), holder(false)])).is_some());
    }

    #[test]
    fn nothing_is_told_of_nothing_and_nothing_twice() {
        let mut lessons = Lessons::default();
        assert!(lessons.look(&Picture::default()).is_empty());
        let shown = Picture { sent: 10 << 20, sent_by_leechers: 6 << 20, ..Picture::default() };
        let told = lessons.look(&shown);
        assert_eq!(told.len(), 1);
        assert!(told[0].text.contains("6 of 10 MiB") && told[0].text.contains("4 MiB"), "{}", told[0].text);
        assert_eq!(lessons.look(&shown).len(), 1);
    }
}
