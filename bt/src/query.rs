//! Queries as BitTorrent clients write them: raw bytes percent-encoded, `+` a plus sign.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// RFC 3986 "unreserved": what needs no escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value that is not 20 bytes once decoded, or has a broken escape.
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
    let mut bytes = [0; 20];
    let mut rest = value;
    for byte in &mut bytes {
        (*byte, rest) = match *rest {
            [b'%', high, low, ref rest @ ..] => {
                let (high, low) = (NIBBLES[usize::from(high)], NIBBLES[usize::from(low)]);
                if (high | low) > 15 {
                    return Err(Malformed);
                }
                (high << 4 | low, rest)
            }
            [b'%', ..] | [] => return Err(Malformed),
            [plain, ref rest @ ..] => (plain, rest),
        };
    }
    if rest.is_empty() { Ok(bytes) } else { Err(Malformed) }
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
