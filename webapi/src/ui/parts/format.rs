//! Formats of sizes, times and ratios for people.

use std::fmt;

pub use infra::units::size as size_of;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::domain::member::transfer::Ratio;

/// Bytes in the largest unit that fits: `1.4 GiB`.
pub fn size(bytes: i64) -> String {
    size_of(u64::try_from(bytes).unwrap_or(0))
}

/// A time for templates: `{{ time }}` for people, `{{ time.iso() }}` for the attribute `datetime`.
#[derive(Debug, Clone, Copy)]
pub struct Timestamp(pub OffsetDateTime);

impl Timestamp {
    /// RFC 3339 in UTC, to the second.
    pub fn iso(&self) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        self.0.format(format).unwrap_or_default()
    }
}

/// `2026-11-21 09:30 UTC`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        f.write_str(&self.0.format(format).unwrap_or_default())
    }
}

/// The time since an event, in one unit: `40 s`, `5 min`, `2 h`.
pub fn ago(seconds: u32) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// A duration in one or two units: `3 d 4 h`, `5 h 12 min`, `7 min`, `40 s`.
pub fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A ratio with two decimal places; `∞` if nothing was received.
pub fn ratio(ratio: Ratio) -> String {
    match ratio {
        Ratio::Nothing => "–".to_owned(),
        Ratio::Boundless => "∞".to_owned(),
        // Rounded down: 1.00 must mean that a ratio of 1 is reached.
        Ratio::Of(number) => format!("{:.2}", (number * 100.0).floor() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (20 << 20, "20.0 MiB"),
            (700 << 20, "700 MiB"),
            (i64::MAX, "7.9 EiB"),
            (-1, "0 B"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        for (seconds, text) in [
            (-1, "0 s"),
            (59, "59 s"),
            (3599, "59 min"),
            (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
            (400 * 86_400, "400 d 0 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn ratios_are_not_rounded_up() {
        assert_eq!(ratio(Ratio::new(999_999, 1_000_000)), "0.99");
        assert_eq!(ratio(Ratio::new(3, 2)), "1.50");
        assert_eq!(ratio(Ratio::new(1, 0)), "∞");
        assert_eq!(ratio(Ratio::new(0, 0)), "–");
    }
}
