//! The positions of keys and values in a bencoded file, up to the first syntax error.

use std::ops::Range;

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Number,
    Text,
    Container,
}

/// The position of one key or value.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
    /// The position of the whole entry: key and value.
    pub(super) entry: Range<usize>,
}

/// All keys and values up to the first byte that is not bencoding, without the outermost value.
pub(super) fn spans(bytes: &[u8]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    // For each open list and dictionary: its index in `spans`, whether it is a dictionary, and the index of the key
    // that waits for its value.
    let mut open: Vec<(usize, bool, Option<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let (kind, end) = match byte {
            b'i' => (Kind::Number, end_of_number(bytes, at)),
            b'0'..=b'9' => (Kind::Text, end_of_text(bytes, at)),
            b'l' | b'd' => (Kind::Container, Some(at + 1)),
            b'e' => {
                at += 1;
                let Some((place, _, _)) = open.pop() else { break };
                spans[place].at.end = at;
                spans[place].entry.end = at;
                if open.is_empty() {
                    break;
                }
                finish(&mut spans, &mut open, place);
                continue;
            }
            _ => break,
        };
        let Some(end) = end else { break };
        let place = spans.len();
        let is_key = kind == Kind::Text && matches!(open.last(), Some((_, true, None)));
        let kind = if is_key { Kind::Key } else { kind };
        spans.push(Span { kind, at: at..end, entry: at..end });
        at = end;
        match (kind, open.last_mut()) {
            (Kind::Container, _) => open.push((place, *byte == b'd', None)),
            (Kind::Key, Some((_, _, key))) => *key = Some(place),
            _ => finish(&mut spans, &mut open, place),
        }
    }
    // Values that are still open end with the input.
    for (place, _, _) in open {
        spans[place].at.end = at;
        spans[place].entry.end = at;
    }
    spans.split_off(spans.len().min(1))
}

/// Notes the end of a value: together with the key that waited for it, it is an entry.
fn finish(spans: &mut [Span], open: &mut [(usize, bool, Option<usize>)], place: usize) {
    if let Some(key) = open.last_mut().and_then(|(_, _, key)| key.take()) {
        let entry = spans[key].at.start..spans[place].at.end;
        spans[key].entry = entry.clone();
        spans[place].entry = entry;
    }
}

fn end_of_number(bytes: &[u8], at: usize) -> Option<usize> {
    bytes[at..].iter().position(|byte| *byte == b'e').map(|length| at + length + 1)
}

fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let colon = at + bytes[at..].iter().take(12).position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[at..colon]).ok()?.parse().ok()?;
    (colon + 1).checked_add(length).filter(|end| *end <= bytes.len())
}
