//! Deserializers of values in several sections.

use std::time::Duration;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer};

pub(super) fn wrong<E: serde::de::Error>(expected: &str) -> E {
    E::custom(expected)
}

/// A whole number of seconds above 0.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds: u32 = positive(deserializer)?;
    Ok(Duration::from_secs(seconds.into()))
}

/// A whole number above 0.
pub(super) fn positive<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let number = u64::deserialize(deserializer)?;
    if number == 0 {
        return Err(wrong("expected a whole number above 0"));
    }
    T::deserialize(number.into_deserializer())
}
