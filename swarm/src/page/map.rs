//! Draws piece maps as paths of an SVG. `static/maps.js` draws the same.

use std::fmt::Write as _;

use crate::picture::{Holder, Torrent};

/// Columns of a drawing, at most. Of a torrent with more pieces each column stands for several.
const COLUMNS: u32 = 200;

/// One client's pieces, one unit high and [`width`] units wide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// The attribute `d` of columns of which it has every piece.
    pub(super) whole: String,
    /// The attribute `d` of columns of which it has some pieces.
    pub(super) part: String,
}

/// How many clients have each piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copies {
    /// The attribute `d` of an area, one unit high for each client and [`width`] units wide.
    pub(super) area: String,
    /// Copies of the rarest piece.
    pub(super) fewest: usize,
}

/// The width of a torrent's drawings, in columns.
pub(super) fn width(torrent: &Torrent) -> u32 {
    torrent.pieces.clamp(1, COLUMNS)
}

/// Draws the pieces that `holder` has of `torrent`.
pub(super) fn strip(holder: &Holder, torrent: &Torrent) -> Strip {
    let map = Map::of(holder, torrent);
    let columns: Vec<(usize, usize)> = columns(torrent)
        .map(|pieces| (pieces.clone().filter(|it| map.has(*it)).count(), pieces.count()))
        .collect();
    Strip {
        whole: runs(&columns, |(has, of)| has == of),
        part: runs(&columns, |(has, of)| has > 0 && has < of),
    }
}

/// Draws how many holders have each piece of `torrent`.
pub(super) fn copies(torrent: &Torrent) -> Copies {
    let maps: Vec<Map> = torrent.holders.iter().map(|it| Map::of(it, torrent)).collect();
    let heights: Vec<usize> = columns(torrent)
        .map(|pieces| pieces.map(|it| maps.iter().filter(|map| map.has(it)).count()).min().unwrap_or(0))
        .collect();
    let top = maps.len();
    let mut area = format!("M0 {top}");
    for heights in heights.chunk_by(|a, b| a == b) {
        let _ = write!(area, "V{}h{}", top - heights[0], heights.len());
    }
    let _ = write!(area, "V{top}z");
    Copies { area, fewest: heights.into_iter().min().unwrap_or(0) }
}

/// The pieces that a holder has.
enum Map {
    /// All; the client reports completeness without a map.
    Whole,
    Bits(Vec<u8>),
}

impl Map {
    fn of(holder: &Holder, torrent: &Torrent) -> Self {
        if holder.map.is_empty() && holder.done >= torrent.size {
            return Self::Whole;
        }
        Self::Bits(data_encoding::HEXLOWER_PERMISSIVE.decode(holder.map.as_bytes()).unwrap_or_default())
    }

    fn has(&self, piece: u32) -> bool {
        match self {
            Self::Whole => true,
            Self::Bits(bytes) => {
                bytes.get(piece as usize / 8).is_some_and(|it| it & (0x80 >> (piece % 8)) != 0)
            }
        }
    }
}

/// The pieces of each column.
fn columns(torrent: &Torrent) -> impl Iterator<Item = std::ops::Range<u32>> {
    let (width, pieces) = (u64::from(width(torrent)), u64::from(torrent.pieces));
    let first = move |column: u64| u32::try_from(column * pieces / width).unwrap_or(u32::MAX);
    (0..width).map(move |column| first(column)..first(column + 1))
}

/// Draws boxes over the columns for which `is` holds; neighbours share a box.
fn runs(columns: &[(usize, usize)], is: impl Fn((usize, usize)) -> bool) -> String {
    let (mut path, mut at) = (String::new(), 0);
    for run in columns.chunk_by(|a, b| is(*a) == is(*b)) {
        let length = run.len();
        if is(run[0]) {
            let _ = write!(path, "M{at} 0h{length}v1h-{length}z");
        }
        at += length;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(map: &str, done: u64) -> Holder {
        let map = map.to_owned();
        Holder { client: 0, activity: "leeching", reason: String::new(), origin: false, done, map, eta: None }
    }

    fn torrent(pieces: u32, maps: &[&str]) -> Torrent {
        Torrent {
            id: 1,
            title: String::new(),
            info_hash: String::new(),
            size: 1000,
            pieces,
            tracker: None,
            clients: (0, 0),
            completed: None,
            holders: maps.iter().map(|it| holder(it, 0)).collect(),
        }
    }

    #[test]
    fn neighbours_are_one_box() {
        let torrent = torrent(10, &["b0", "e040"]);
        let drawn = strip(&torrent.holders[0], &torrent);
        assert_eq!(drawn.whole, "M0 0h1v1h-1zM2 0h2v1h-2z");
        assert_eq!(drawn.part, "");
        let drawn = strip(&torrent.holders[1], &torrent);
        assert_eq!(drawn.whole, "M0 0h3v1h-3zM9 0h1v1h-1z");
    }

    #[test]
    fn many_pieces_share_a_column() {
        let torrent = torrent(1000, &["ffc0"]);
        assert_eq!(width(&torrent), 200);
        assert_eq!(strip(&torrent.holders[0], &torrent).whole, "M0 0h2v1h-2z");
        let torrent = Torrent { holders: vec![holder("e0", 0)], ..torrent };
        let drawn = strip(&torrent.holders[0], &torrent);
        assert_eq!((&*drawn.whole, &*drawn.part), ("", "M0 0h1v1h-1z"));
    }

    #[test]
    fn who_has_everything_may_say_nothing_of_pieces() {
        let torrent = torrent(4, &[]);
        assert_eq!(strip(&holder("", 1000), &torrent).whole, "M0 0h4v1h-4z");
        assert_eq!(strip(&holder("", 999), &torrent).whole, "");
        assert_eq!(strip(&holder("zz", 0), &torrent).whole, "");
    }

    #[test]
    fn the_rarest_piece_counts() {
        let drawn = copies(&torrent(4, &["f0", "c0", "80"]));
        assert_eq!(drawn, Copies { area: "M0 3V0h1V1h1V2h2V3z".to_owned(), fewest: 1 });
        assert_eq!(copies(&torrent(2, &[])).fewest, 0);
    }
}
