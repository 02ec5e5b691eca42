//! Queries as BitTorrent clients write them: raw bytes are percent-encoded, and `+` is a plus sign.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value has the wrong form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The `name=value` pairs of a query; a pair without `=` or with an empty value is left out.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut from = 0;
    memchr::memchr_iter(b'&', query).chain([query.len()]).filter_map(move |to| {
        let pair = &query[from..to];
        from = to + 1;
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (&pair[..at], &pair[at + 1..]);
        (!value.is_empty()).then_some((name, value))
    })
}

/// Decodes exactly 20 bytes, in any mixture of escapes and plain bytes.
pub(crate) fn decode_20(value: &[u8]) -> Result<[u8; 20], Malformed> {
    let (bytes, length) = read_20(value)?;
    if length == value.len() { Ok(bytes) } else { Err(Malformed) }
}

/// Decodes 20 bytes from the value at the beginning of `query`; `None` for an empty value. Also returns the rest of the
/// query.
pub(crate) fn take_20(query: &[u8]) -> Result<(Option<[u8; 20]>, &[u8]), Malformed> {
    if let [] | [b'&', ..] = query {
        return Ok((None, after(query, 0)?));
    }
    let (bytes, length) = read_20(query)?;
    Ok((Some(bytes), after(query, length)?))
}

/// Reads a decimal number at the beginning of `query`; `None` for an empty value. Also returns the rest of the query.
pub(crate) fn take_number(query: &[u8]) -> Result<(Option<u64>, &[u8]), Malformed> {
    let (mut number, mut length) = (0_u64, 0);
    for digit in query.iter().map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(digit.into());
        length += 1;
    }
    let rest = after(query, length)?;
    match length {
        0 => Ok((None, rest)),
        1..20 => Ok((Some(number), rest)),
        // 20 digits or more: the number may be too large.
        _ => std::str::from_utf8(&query[..length])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map_or(Err(Malformed), |number| Ok((Some(number), rest))),
    }
}

/// The value at the beginning of `query`, and the rest of the query.
pub(crate) fn take_value(query: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'&', query) {
        Some(length) => (&query[..length], &query[length + 1..]),
        None => (query, &[]),
    }
}

/// The rest of the query after a value of `length` bytes, which must end there.
fn after(query: &[u8], length: usize) -> Result<&[u8], Malformed> {
    match query[length..] {
        [] => Ok(&[]),
        [b'&', ref rest @ ..] => Ok(rest),
        _ => Err(Malformed),
    }
}

/// The length of 20 bytes that are all escaped.
const LONGEST: usize = 60;

/// Decodes the first 20 bytes, up to a `&`, and says how long they are in `value`.
///
/// Which bytes of a hash are escaped is as random as the hash. So the loop does not branch on it: the processor would
/// mispredict a third of the branches.
fn read_20(value: &[u8]) -> Result<([u8; 20], usize), Malformed> {
    if let Some(plain) = value.first_chunk::<20>()
        && plain.iter().filter(|byte| matches!(byte, b'%' | b'&')).count() == 0
    {
        return Ok((*plain, 20));
    }
    // Padded with zeros, which are no hexadecimal digits, so that the loop may read beyond the end.
    let mut padded = [0; LONGEST + 6];
    let length = value.len().min(LONGEST);
    padded[..length].copy_from_slice(&value[..length]);
    let (mut bytes, mut at, mut wrong) = ([0; 20], 0_usize, 0_u8);
    for byte in &mut bytes {
        let first = padded[at & 63];
        let high = NIBBLES[usize::from(padded[(at & 63) + 1])];
        let low = NIBBLES[usize::from(padded[(at & 63) + 2])];
        let escaped = first == b'%';
        *byte = if escaped { high << 4 | low } else { first };
        wrong |= if escaped { high | low } else { u8::from(first == b'&') << 7 };
        at += if escaped { 3 } else { 1 };
    }
    if wrong > 15 || at > length { Err(Malformed) } else { Ok((bytes, at)) }
}

/// The value of a hexadecimal digit in either case; 255 for other bytes.
const NIBBLES: [u8; 256] = {
    let mut values = [255; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        values[byte as usize] = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => 255,
        };
        byte -= 1;
    }
    values
};

/// Appends what [`decode_20`] reads.
pub(crate) fn encode_20(bytes: &[u8; 20], out: &mut String) {
    out.extend(percent_encode(bytes, ESCAPED));
}
