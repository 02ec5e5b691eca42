//! The trials: which program seeds, which downloads, over which family, in which format.

use std::fmt;
use std::str::FromStr;

use bt::metainfo::Kind as Format;
use clap::ValueEnum as _;

use crate::client::Kind;
use crate::network::Families;

/// The programs. In the short form each seeds to the next.
pub(super) const PROGRAMS: [Kind; 5] =
    [Kind::Rtorrent, Kind::Transmission, Kind::Qbittorrent, Kind::Aria2, Kind::Libtorrent];

/// The formats, as tables name them.
pub(super) const FORMATS: [Format; 3] = [Format::V1, Format::Hybrid, Format::V2];

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// A program that seeds and one that downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) seeder: Kind,
    pub(super) leecher: Kind,
}

/// A pair in one format over one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) pair: Pair,
    pub(super) family: Family,
    pub(super) format: Format,
}

/// A trial, with clients and a torrent of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    Exchange(Cell),
    /// A program scrapes.
    Scrape(Kind, Family),
}

/// All ordered pairs of programs over both families, in every format that both support; and all scrapes.
pub(super) fn all() -> Vec<Trial> {
    let pairs = PROGRAMS.iter().flat_map(|&seeder| PROGRAMS.map(|leecher| Pair { seeder, leecher }));
    every(&pairs.collect::<Vec<_>>())
}

/// These pairs over both families, in every format that both support; and their programs' scrapes.
pub(super) fn every(pairs: &[Pair]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for family in [Family::V4, Family::V6] {
        let is_in = |program| pairs.iter().any(|pair| pair.seeder == program || pair.leecher == program);
        let programs = PROGRAMS.into_iter().filter(|&program| is_in(program) && can_scrape(program));
        trials.extend(programs.map(|program| Trial::Scrape(program, family)));
        for &pair in pairs {
            let formats = FORMATS.into_iter().filter(|&format| pair.can(format));
            trials.extend(formats.map(|format| Trial::Exchange(Cell { pair, family, format })));
        }
    }
    trials
}

/// The short form: each program seeds once and downloads once; a hybrid torrent, one of version 2, IPv6, and the scrapes that
/// come at once.
pub(super) fn short() -> Vec<Trial> {
    use Family::{V4, V6};
    use Format::{Hybrid, V1, V2};
    let ring = PROGRAMS.iter().zip(PROGRAMS.iter().cycle().skip(1));
    let ring = ring.map(|(&seeder, &leecher)| (seeder, leecher, V4, V1));
    let more = [
        (Kind::Rtorrent, Kind::Libtorrent, V4, Hybrid),
        (Kind::Qbittorrent, Kind::Libtorrent, V4, V2),
        (Kind::Transmission, Kind::Rtorrent, V6, V1),
    ];
    let exchange = |(seeder, leecher, family, format)| {
        Trial::Exchange(Cell { pair: Pair { seeder, leecher }, family, format })
    };
    let scrapes = [Kind::Rtorrent, Kind::Libtorrent].map(|program| Trial::Scrape(program, V4));
    ring.chain(more).map(exchange).chain(scrapes).collect()
}

impl Trial {
    pub(super) fn family(self) -> Family {
        match self {
            Self::Exchange(cell) => cell.family,
            Self::Scrape(_, family) => family,
        }
    }
}

impl Pair {
    pub(super) fn can(self, format: Format) -> bool {
        why_not(self.seeder, format).is_none() && why_not(self.leecher, format).is_none()
    }
}

/// Why a program does not support a format.
pub(super) fn why_not(kind: Kind, format: Format) -> Option<&'static str> {
    match (kind, format) {
        (Kind::Qbittorrent | Kind::Libtorrent, _) | (_, Format::V1) | (Kind::Rtorrent, Format::Hybrid) => {
            None
        }
        (Kind::Transmission, _) => {
            Some("3.00 refuses as corrupt what has an empty key anywhere, as every file tree of BEP 52 has")
        }
        // Also seen with a version 1 torrent that had an empty key.
        (Kind::Aria2, Format::Hybrid) => {
            Some("1.36 takes another info hash where a key is empty, as in every file tree")
        }
        (Kind::Rtorrent, Format::V2) => Some("0.9.8 knows no version 2"),
        (Kind::Aria2, Format::V2) => Some("1.36 knows no version 2"),
    }
}

/// Whether a program can scrape.
pub(super) fn can_scrape(program: Kind) -> bool {
    program != Kind::Aria2
}

impl Family {
    pub(super) fn families(self) -> Families {
        match self {
            Self::V4 => Families::V4,
            Self::V6 => Families::V6,
        }
    }

    /// The site's word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// `SEEDER:LEECHER`.
impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (seeder, leecher) = text.split_once(':').ok_or("a pair is written SEEDER:LEECHER")?;
        Ok(Self { seeder: Kind::from_str(seeder, true)?, leecher: Kind::from_str(leecher, true)? })
    }
}

/// The name of a format in tables.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::V1 => "v1",
        Format::Hybrid => "hybrid",
        Format::V2 => "v2",
    }
}

/// The name of a program in tables.
pub(super) fn program_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Rtorrent => "rtorrent",
        Kind::Transmission => "Transmission",
        Kind::Qbittorrent => "qBittorrent",
        Kind::Aria2 => "aria2",
        Kind::Libtorrent => "libtorrent",
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(cell) => cell.fmt(f),
            Self::Scrape(program, family) => write!(f, "{} scrapes, {family}", program_name(*program)),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pair: Pair { seeder, leecher }, family, format } = self;
        let (seeder, leecher) = (program_name(*seeder), program_name(*leecher));
        write!(f, "{seeder} to {leecher}, {}, {family}", format_name(*format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_has_every_program_on_both_sides() {
        let trials = short();
        let cell = |trial: &Trial| if let Trial::Exchange(cell) = trial { Some(*cell) } else { None };
        let cells: Vec<Cell> = trials.iter().filter_map(cell).collect();
        for program in PROGRAMS {
            assert!(cells.iter().any(|cell| cell.pair.seeder == program));
            assert!(cells.iter().any(|cell| cell.pair.leecher == program));
        }
        assert!(cells.iter().all(|cell| cell.pair.can(cell.format)));
        assert!(trials.iter().all(|trial| all().contains(trial)));
    }

    #[test]
    fn every_ordered_pair_is_tried_over_both_families() {
        // 25 pairs in version 1, 9 hybrid, 4 in version 2; all but aria2 scrape.
        assert_eq!(all().len(), 2 * (25 + 9 + 4 + 4));
        assert_eq!("aria2:rtorrent".parse(), Ok(Pair { seeder: Kind::Aria2, leecher: Kind::Rtorrent }));
        assert!("aria2".parse::<Pair>().is_err());
    }
}
