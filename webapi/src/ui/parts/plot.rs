//! The plot of a torrent's seeders and leechers over time: SVG paths, labels of the axes, and the same in words.

use std::fmt::Write as _;

use time::{Date, Duration, OffsetDateTime};

use crate::domain::catalogue::history::{History, Peers};

/// Width of the drawing in SVG units. CSS stretches it to the page's width, without strokes and labels.
const WIDTH: usize = 1440;
const HEIGHT: u64 = 400;

/// Horizontal positions at which the lines are drawn: of the hours at one position, the smallest and the largest
/// number.
const PLACES: usize = 360;

/// From this many hours on, the labels of the time axis have days only, below it hours as well.
const LONG: usize = 8 * 24;

/// The parts of the plot, for the template.
#[derive(Debug)]
pub struct Plot {
    /// The attribute `d` of the SVG path of seeders.
    pub seeders: String,
    /// The attribute `d` of the SVG path of leechers.
    pub leechers: String,
    /// The attribute `d` of the SVG path of the grid.
    pub grid: String,
    /// Labels of the vertical axis, from the top down, evenly spaced.
    pub numbers: [String; 3],
    /// Labels of the time axis, each at the left end of an equal part.
    pub times: Vec<String>,
    /// The plot in a sentence or two, for screen readers.
    pub description: String,
    /// The numbers of each day, the latest first.
    pub days: Vec<DayLine>,
}

/// The numbers of one day, as a row of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct DayLine {
    /// The day: `2026-11-21`.
    pub date: String,
    /// The number, or the smallest and the largest: `3 to 5`.
    pub seeders: String,
    /// The number, or the smallest and the largest: `3 to 5`.
    pub leechers: String,
}

impl Plot {
    /// The plot of a history; `None` if it has no peer.
    pub fn new(history: &History) -> Option<Self> {
        if history.is_empty() {
            return None;
        }
        let seeders: Vec<_> = history.hours.iter().map(|it| it.map(|it| it.seeders)).collect();
        let leechers: Vec<_> = history.hours.iter().map(|it| it.map(|it| it.leechers)).collect();
        let most = seeders.iter().chain(&leechers).flatten().max().copied().unwrap_or(0);
        let top = top(most);
        let parts = if history.hours.len() < LONG { 2 } else { 4 };
        Some(Self {
            seeders: path(&seeders, top),
            leechers: path(&leechers, top),
            grid: grid(parts),
            numbers: [top, top / 2, 0].map(short),
            times: times(history, parts),
            description: describe(history),
            days: days(history),
        })
    }
}

/// The top of the vertical axis: the smallest of 2, 4, 6, 8 and 10 times a power of ten that is at least `most`.
fn top(most: u32) -> u64 {
    let mut unit = 1;
    while 10 * unit < u64::from(most) {
        unit *= 10;
    }
    (2..=10).step_by(2).map(|it| it * unit).find(|it| *it >= u64::from(most)).unwrap_or(10 * unit)
}

fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}

fn grid(parts: usize) -> String {
    let mut lines = format!("M0 0H{WIDTH}M0 {}H{WIDTH}M0 {HEIGHT}H{WIDTH}", HEIGHT / 2);
    for part in 0..parts {
        let _ = write!(lines, "M{} 0V{HEIGHT}", part * WIDTH / parts);
    }
    lines
}

/// The SVG path through the numbers of all hours, with gaps at unknown ones.
fn path(hours: &[Option<u32>], top: u64) -> String {
    let mut lines = String::new();
    for run in runs(hours) {
        let mut points = run.iter().map(|(hour, number)| {
            let x = hour * WIDTH / (hours.len() - 1).max(1);
            (x, HEIGHT - u64::from(*number) * HEIGHT / top)
        });
        let Some((x, y)) = points.next() else { continue };
        let _ = write!(lines, "M{x} {y}");
        if run.len() == 1 {
            lines.push_str("h0");
        }
        let mut height = y;
        for (x, y) in points {
            let _ = if y == height { write!(lines, "H{x}") } else { write!(lines, "L{x} {y}") };
            height = y;
        }
    }
    lines
}

/// The points of the path, split into runs at unknown hours. Points that make no visible difference are left out: hours
/// at the same position, and the middle of horizontal lines.
fn runs(hours: &[Option<u32>]) -> Vec<Vec<(usize, u32)>> {
    let places = hours.len().min(PLACES);
    let mut runs: Vec<Vec<(usize, u32)>> = Vec::new();
    let mut broken = true;
    for place in 0..places {
        let (from, to) = (place * hours.len() / places, (place + 1) * hours.len() / places);
        let known = || (from..to).filter_map(|hour| Some((hour, hours.get(hour).copied().flatten()?)));
        let least = known().min_by_key(|(_, number)| *number);
        let most = known().max_by_key(|(_, number)| *number);
        let (Some(least), Some(most)) = (least, most) else {
            broken = true;
            continue;
        };
        if broken {
            runs.push(Vec::new());
        }
        broken = false;
        let Some(run) = runs.last_mut() else { continue };
        run.push(least.min(most));
        if least.1 != most.1 {
            run.push(least.max(most));
        }
    }
    for run in &mut runs {
        straighten(run);
    }
    runs
}

/// Removes points between two neighbours with the same number.
fn straighten(run: &mut Vec<(usize, u32)>) {
    let mut kept: Vec<(usize, u32)> = Vec::with_capacity(run.len());
    for (place, point) in run.iter().enumerate() {
        let before = kept.last().map(|it| it.1);
        let after = run.get(place + 1).map(|it| it.1);
        if before != Some(point.1) || after != Some(point.1) {
            kept.push(*point);
        }
    }
    *run = kept;
}

fn times(history: &History, parts: usize) -> Vec<String> {
    let hours = history.hours.len() - 1;
    let label = |part| {
        let hour = i64::try_from(part * hours / parts).unwrap_or(0);
        let at = history.start + Duration::hours(hour);
        if history.hours.len() < LONG {
            format!("{} {:02}:00", day_month(at.date()), at.hour())
        } else {
            day_month(at.date())
        }
    };
    (0..parts).map(label).collect()
}

/// `21 Nov`.
fn day_month(date: Date) -> String {
    let month = date.month().to_string();
    format!("{} {}", date.day(), month.get(..3).unwrap_or(&month))
}

fn describe(history: &History) -> String {
    let known: Vec<(OffsetDateTime, Peers)> = history.known().collect();
    let Some(((first, _), (last, now))) = known.first().zip(known.last()) else { return String::new() };
    let most = |of: fn(&Peers) -> u32| {
        // Of several equal maxima, the latest hour.
        let most = known.iter().max_by_key(|(_, peers)| of(peers));
        most.map(|(at, peers)| format!("{} on {}", of(peers), at.date())).unwrap_or_default()
    };
    format!(
        "From {} to {} (UTC). Seeders: at most {}, {} at last. Leechers: at most {}, {} at last.",
        first.date(),
        last.date(),
        most(|it| it.seeders),
        now.seeders,
        most(|it| it.leechers),
        now.leechers,
    )
}

fn days(history: &History) -> Vec<DayLine> {
    let mut days: Vec<(Date, Peers, Peers)> = Vec::new();
    for (at, peers) in history.known() {
        match days.last_mut() {
            Some((date, least, most)) if *date == at.date() => {
                least.seeders = least.seeders.min(peers.seeders);
                least.leechers = least.leechers.min(peers.leechers);
                most.seeders = most.seeders.max(peers.seeders);
                most.leechers = most.leechers.max(peers.leechers);
            }
            _ => days.push((at.date(), peers, peers)),
        }
    }
    let span =
        |least: u32, most: u32| if least == most { most.to_string() } else { format!("{least} to {most}") };
    let line = |(date, least, most): (Date, Peers, Peers)| DayLine {
        date: date.to_string(),
        seeders: span(least.seeders, most.seeders),
        leechers: span(least.leechers, most.leechers),
    };
    days.into_iter().rev().map(line).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn history(hours: &[Option<(u32, u32)>]) -> History {
        let hours =
            hours.iter().map(|it| it.map(|(seeders, leechers)| Peers { seeders, leechers })).collect();
        History { start: datetime!(2026-11-20 22:00 UTC), hours }
    }

    #[test]
    fn a_torrent_without_peers_has_no_plot() {
        assert!(Plot::new(&history(&[None, Some((0, 0))])).is_none());
    }

    #[test]
    fn lines_follow_the_numbers_and_break_where_nothing_is_known() {
        let known =
            [Some((2, 0)), Some((2, 0)), Some((2, 1)), None, Some((1, 1)), Some((0, 0)), Some((0, 0))];
        let plot = Plot::new(&history(&known)).expect("a plot");
        assert_eq!(plot.seeders, "M0 0H480M960 200L1200 400H1440");
        assert_eq!(plot.leechers, "M0 400H240L480 200M960 200L1200 400H1440");
        assert_eq!(plot.numbers, ["2", "1", "0"]);
        assert_eq!(plot.times, ["20 Nov 22:00", "21 Nov 01:00"]);
        assert_eq!(
            plot.description,
            "From 2026-11-20 to 2026-11-21 (UTC). Seeders: at most 2 on 2026-11-21, 0 at last. \
             Leechers: at most 1 on 2026-11-21, 0 at last."
        );
        let line = |date: &str, seeders: &str, leechers: &str| DayLine {
            date: date.to_owned(),
            seeders: seeders.to_owned(),
            leechers: leechers.to_owned(),
        };
        assert_eq!(plot.days, [line("2026-11-21", "0 to 2", "0 to 1"), line("2026-11-20", "2", "0")]);
    }

    #[test]
    fn one_hour_alone_is_a_dot() {
        let plot = Plot::new(&history(&[Some((1, 0))])).expect("a plot");
        assert_eq!(plot.seeders, "M0 200h0");
    }

    #[test]
    fn ninety_days_stay_small_and_lose_neither_peak_nor_hole() {
        let mut hours = vec![Some((50, 3)); 90 * 24];
        hours[700] = Some((99, 3));
        hours[1500] = Some((0, 3));
        let plot = Plot::new(&history(&hours)).expect("a plot");
        assert_eq!(plot.numbers, ["100", "50", "0"]);
        assert_eq!(plot.leechers, "M0 388H1436");
        assert!(plot.seeders.contains(" 4L") && plot.seeders.contains(" 400"), "{}", plot.seeders);
        let noise = (0..90 * 24).map(|it| Some((it * 7919 % 1009, it * 104_729 % 997))).collect::<Vec<_>>();
        let plot = Plot::new(&history(&noise)).expect("a plot");
        assert!(plot.seeders.len() < 8000, "{}", plot.seeders.len());
        assert_eq!(plot.times, ["20 Nov", "13 Dec", "4 Jan", "27 Jan"]);
    }

    #[test]
    fn the_axis_of_numbers_ends_at_a_round_one() {
        for (most, expected) in
            [(1, 2), (3, 4), (10, 10), (11, 20), (99, 100), (101, 200), (u32::MAX, 6_000_000_000)]
        {
            assert_eq!(top(most), expected, "{most}");
        }
        assert_eq!([9_000, 10_000, 6_000_000_000].map(short), ["9000", "10k", "6000M"]);
    }
}
