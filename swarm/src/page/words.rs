//! Formats numbers and times for people. `static/words.js` formats them alike.

pub(super) use infra::units::size;

/// Bytes a second; a dash for none.
pub(super) fn rate(bytes: u64) -> String {
    if bytes == 0 { "–".to_owned() } else { format!("{}/s", size(bytes)) }
}

/// Milliseconds since the start as a clock: `1:05`, `1:02:03`.
pub(super) fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A duration: `40 s`, `2 min 5 s`, `1 h 3 min`.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A percentage, rounded down: 100 is everything. 0 of 0 is 0.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(100).min(100)
}

/// A number with its noun.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 << 20, "20.0 MiB"), (700 << 20, "700 MiB")]
        {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(rate(0), "–");
        assert_eq!(rate(1536), "1.5 KiB/s");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(clock(999), "0:00");
        assert_eq!(clock(65_000), "1:05");
        assert_eq!(clock(3_723_000), "1:02:03");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(125), "2 min 5 s");
        assert_eq!(duration(3_780), "1 h 3 min");
    }

    #[test]
    fn a_hundred_is_everything() {
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(1000, 1000), 100);
        assert_eq!(percent(5, 0), 100);
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
