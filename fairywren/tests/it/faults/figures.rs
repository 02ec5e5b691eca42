//! Figures of a test: printed, and in the long form held against their goals.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use super::load::Tally;

/// Whether this is the long form.
pub(crate) fn is_long() -> bool {
    std::env::var_os("FAIRYWREN_SOAK").is_some_and(|it| !it.is_empty())
}

/// How often to do something: `short`, or in the long form `long` unless `FAIRYWREN_SOAK_CYCLES` says another number.
pub(crate) fn cycles(short: usize, long: usize) -> usize {
    if !is_long() {
        return short;
    }
    let wanted = std::env::var("FAIRYWREN_SOAK_CYCLES").ok().filter(|it| !it.is_empty());
    wanted.map_or(long, |it| it.parse().expect("FAIRYWREN_SOAK_CYCLES is a number"))
}

/// Announces per second.
pub(crate) fn rate(short: u32, long: u32) -> u32 {
    if is_long() { long } else { short }
}

/// How many announces take so long at `rate`: the short form makes 2 seconds of them, the long one 20 unless
/// `FAIRYWREN_SOAK_SECONDS` says another number.
pub(crate) fn stretch(rate: u32) -> usize {
    let wanted = std::env::var("FAIRYWREN_SOAK_SECONDS").ok().filter(|it| !it.is_empty());
    let seconds = match wanted {
        _ if !is_long() => 2,
        None => 20,
        Some(it) => it.parse().expect("FAIRYWREN_SOAK_SECONDS is a number"),
    };
    rate as usize * seconds
}

/// The figures of one test.
pub(crate) struct Figures {
    test: &'static str,
    table: String,
    missed: Vec<String>,
}

impl Figures {
    pub(crate) fn of(test: &'static str) -> Self {
        Self { test, table: String::new(), missed: Vec::new() }
    }

    /// A number without a goal.
    pub(crate) fn note(&mut self, what: &str, value: impl std::fmt::Display) {
        writeln!(self.table, "| {} | {what} | {value} | |", self.test).expect("text");
    }

    /// A time that shall be `goal` at most.
    pub(crate) fn time(&mut self, what: &str, value: Duration, goal: Duration) {
        let milliseconds = |it: Duration| format!("{:.1} ms", it.as_secs_f64() * 1e3);
        let (value, limit) = (milliseconds(value), (value, goal));
        let goal = milliseconds(goal);
        writeln!(self.table, "| {} | {what} | {value} | {goal} |", self.test).expect("text");
        if limit.0 > limit.1 {
            self.missed.push(format!("{what}: {value}, the goal is {goal}"));
        }
    }

    /// What the announces of a load came to; `goal` is for the 99th percentile.
    pub(crate) fn load(&mut self, tally: &Tally, goal: Option<Duration>) {
        self.note("announces answered", tally.answered());
        self.note("announces failed", tally.failed());
        let (half, high, most) = (tally.percentile(50), tally.percentile(99), tally.percentile(100));
        self.note("announce, median", format_args!("{:.2} ms", half.as_secs_f64() * 1e3));
        match goal {
            Some(goal) => self.time("announce, 99th percentile", high, goal),
            None => {
                self.note("announce, 99th percentile", format_args!("{:.2} ms", high.as_secs_f64() * 1e3));
            }
        }
        self.note("announce, slowest", format_args!("{:.1} ms", most.as_secs_f64() * 1e3));
    }

    /// Prints them; in the long form also into the file that `FAIRYWREN_SOAK_TABLE` names.
    ///
    /// # Panics
    /// In the long form, when a goal was missed.
    pub(crate) fn finish(self) {
        print!("{}", self.table);
        if !is_long() {
            return;
        }
        if let Some(file) = std::env::var_os("FAIRYWREN_SOAK_TABLE") {
            let mut file = OpenOptions::new().create(true).append(true).open(file).expect("the table's file");
            file.write_all(self.table.as_bytes()).expect("written");
        }
        assert!(self.missed.is_empty(), "goals missed: {:?}", self.missed);
    }
}

/// The longest of several times.
#[derive(Default)]
pub(crate) struct LongestTime(pub(crate) Duration);

impl LongestTime {
    pub(crate) fn take(&mut self, time: Duration) {
        self.0 = self.0.max(time);
    }
}
