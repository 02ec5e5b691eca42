//! The results of a run, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bt::metainfo::Kind as Format;
use time::OffsetDateTime;

use super::cell::{Cell, FORMATS, Family, PROGRAMS, Pair, Trial, format_name, program_name, why_not};
use super::{Outcome, scrape};
use crate::client::Kind;

/// `docs/interop.md`.
pub(super) fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = "# Every client against every other\n\n".to_owned();
    let _ = writeln!(
        text,
        "Made by `make interop` on {}: {} torrents, each seeded by one program and fetched by another through the\n\
         tracker and site of this repository, as private torrents, in a network without a way out.\n",
        OffsetDateTime::now_utc().date(),
        outcomes.iter().filter(|it| matches!(it.trial, Trial::Exchange(_))).count(),
    );
    text.push_str(EXPLANATION);
    programs(&mut text, outcomes);
    for family in [Family::V4, Family::V6] {
        matrix(&mut text, family, outcomes);
    }
    faults(&mut text, outcomes);
    cannot(&mut text);
    text
}

const EXPLANATION: &str = "\
A format stands in a cell when all of this was so:

- the content arrived byte by byte (SHA-256 of every file);
- the site counted one seeder before, two after, none when both had left, and one snatch;
- the accounts of both have, to the byte, what the programs say that they sent and fetched: the content's size, up to a
  twentieth more for blocks that were sent twice or are padded;
- the tracker answered every announce and scrape, over that address family, among them `started`, `completed` and
  `stopped`;
- neither spoke to anyone but the other: a third peer that called for the torrent by local service discovery, pinged their
  DHT and asked them to exchange peers was not answered.

";

/// The table of programs: versions, formats, scrapes.
fn programs(text: &mut String, outcomes: &[Outcome]) {
    let versions: BTreeMap<Kind, String> =
        outcomes.iter().flat_map(|it| it.versions.iter().cloned()).collect();
    let scrapes = |program| {
        let of_it = outcomes.iter().filter_map(move |it| match it.trial {
            Trial::Scrape(kind, family) if kind == program => {
                Some(if it.faults.is_empty() { family.to_string() } else { format!("~~{family}~~") })
            }
            _ => None,
        });
        of_it.collect::<Vec<_>>().join(", ")
    };
    text.push_str("| Program | Version | Formats | Scrapes answered | It scrapes |\n|---|---|---|---|---|\n");
    for kind in PROGRAMS.into_iter().filter(|kind| versions.contains_key(kind)) {
        let formats: Vec<&str> =
            FORMATS.into_iter().filter(|format| why_not(kind, *format).is_none()).map(format_name).collect();
        let scrapes = Some(scrapes(kind)).filter(|scrapes| !scrapes.is_empty()).unwrap_or("–".to_owned());
        let (name, version, formats) = (program_name(kind), &versions[&kind], formats.join(", "));
        let _ = writeln!(text, "| {name} | {version} | {formats} | {scrapes} | {} |", scrape::occasion(kind));
    }
    text.push('\n');
}

/// The table of pairs: seeders in rows, leechers in columns.
fn matrix(text: &mut String, family: Family, outcomes: &[Outcome]) {
    let of = |seeder: Kind, leecher: Kind, format: Format| {
        let cell = Cell { pair: Pair { seeder, leecher }, family, format };
        outcomes.iter().find(|outcome| outcome.trial == Trial::Exchange(cell))
    };
    if !outcomes.iter().any(|outcome| outcome.trial.family() == family) {
        return;
    }
    let _ = write!(text, "## Over {family}\n\n| seeds ↓ fetches → |");
    for leecher in PROGRAMS {
        let _ = write!(text, " {} |", program_name(leecher));
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for seeder in PROGRAMS {
        let _ = write!(text, "| **{}** |", program_name(seeder));
        for leecher in PROGRAMS {
            let found: Vec<String> = FORMATS
                .into_iter()
                .filter_map(|format| {
                    let well = of(seeder, leecher, format)?.faults.is_empty();
                    let name = format_name(format);
                    Some(if well { name.to_owned() } else { format!("~~{name}~~") })
                })
                .collect();
            let _ = write!(text, " {} |", if found.is_empty() { "–".to_owned() } else { found.join(", ") });
        }
        text.push('\n');
    }
    text.push('\n');
}

fn faults(text: &mut String, outcomes: &[Outcome]) {
    if outcomes.iter().all(|outcome| outcome.faults.is_empty()) {
        return;
    }
    text.push_str("## What failed\n\n");
    for Outcome { trial, faults, .. } in outcomes {
        for fault in faults {
            let _ = writeln!(text, "- {trial}: {fault}");
        }
    }
    text.push('\n');
}

/// The formats that programs do not support, and why.
fn cannot(text: &mut String) {
    text.push_str("## What they cannot do\n\n");
    for kind in PROGRAMS {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for format in FORMATS {
            let Some(reason) = why_not(kind, format) else { continue };
            let name = format_name(format);
            match reasons.last_mut() {
                Some((last, names)) if *last == reason => names.push(name),
                _ => reasons.push((reason, vec![name])),
            }
        }
        for (reason, names) in reasons {
            let _ = writeln!(text, "- {}: {}, for {reason}.", program_name(kind), names.join(" and "));
        }
    }
    text.push_str(QUIRKS);
    text.push_str(OTHERS);
}

const QUIRKS: &str = "
## What they do unlike others

- rtorrent takes hybrid torrents for version 1 torrents. Pad files, which stand between the files of a hybrid torrent, are
  files to it: it fetches and saves them below `.pad`, and cannot seed from a folder without. Where it seeds one here, the
  folder has them.
- aria2 1.36 sends its whole piece map again where that is shorter than a message for each new piece, that is for small
  torrents and fast peers. rtorrent 0.9.8 takes that for an error and leaves; the two meet again at aria2's next announce.
  What rtorrent seeds arrives at aria2 in bursts, many times slower than elsewhere.
- Transmission 3.00 does not tell the tracker when it ends, only when a torrent is stopped or removed: the tracker counts it
  until `peerTimeoutSeconds` have passed.
- qBittorrent and libtorrent announce no more often than every 300 seconds, whatever the tracker asks for
  (`min_announce_interval` of libtorrent; qBittorrent has no setting for it): `peerTimeoutSeconds` below that forgets them
  between two announces.
";

/// Results of tests by hand, which a new run copies.
const OTHERS: &str = "
## Clients that are not run here

These were tried once by hand, each seeding 20 MB to each and fetching from each, as version 1 and hybrid torrents. The
announces of some stand in `bt/tests/recordings`.

| Client | What it does |
|---|---|
| Deluge 2.0.3 | As libtorrent, hybrid and version 2 torrents and UDP included. It sends no pad files |
| WebTorrent 3.0.21 | Its `stopped` has counters of 0: what it sent since its last regular announce, up to an interval, is not known. When it seeds what it has, it sends `started` and `completed` in the same moment: no snatch. No BEP 41, so no UDP |
| CTorrent 3.3.2 | HTTP/1.0, and no more than one announce in 15 s. It announces before it has looked at what is on the disk: no snatch when that is found. Pad files are files to it. It takes up to 25 s to end |
| rqbit 9.1.0 | Sends neither `completed` nor `stopped`: finished downloads are inferred from what is left, and it counts until `peerTimeoutSeconds` have passed. No BEP 41 |
| npm bittorrent-tracker | A scrape of several torrents calls nobody back where one of them is unknown, as the answer leaves that one out |
";
