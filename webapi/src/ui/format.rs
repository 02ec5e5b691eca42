//! Numbers and times as people read them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes in the largest fitting unit: `1.4 GiB`.
pub fn size(bytes: i64) -> String {
    size_of(u64::try_from(bytes).unwrap_or(0))
}

/// As [`size`].
pub fn size_of(bytes: u64) -> String {
    let mut unit = 0;
    let mut whole = bytes;
    let mut tenths = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenths = (whole % 1024) * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    let name = UNITS[unit];
    if unit == 0 || whole >= 100 { format!("{whole} {name}") } else { format!("{whole}.{tenths} {name}") }
}

/// A moment for people and, in RFC 3339, for scripts.
#[derive(Debug, Clone)]
pub struct Moment {
    /// For `<time datetime="…">`.
    pub machine: String,
    /// `2026-11-21 09:30 UTC`.
    pub text: String,
}

/// `time` in UTC.
pub fn moment(time: OffsetDateTime) -> Moment {
    let text = time.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
    Moment { machine: time.format(&Rfc3339).unwrap_or_default(), text: text.unwrap_or_default() }
}

/// A time that has passed: `40 s`, `5 min`, `2 h`.
pub fn ago(seconds: u32) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
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
}
