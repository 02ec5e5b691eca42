//! Bencoding: the parser is strict, its spans cover the input, its limits are exact, and its values equal those of
//! `serde_bencode`.

use bt::bencode::{Error, Limits, Value, check as check_any_order, check_sorted, first_value};
use serde_bencode::value::Value as Model;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "de",
    "le",
    "i0e",
    "i-1e",
    "i-0e",
    "i01e",
    "0:",
    "1:a",
    "d1:a",
    "i9223372036854775807e",
    "i-9223372036854775808e",
    "18446744073709551615:",
    "lllllllllllllllllllllllll",
];

/// Checks `data` as bencoding, or, if it is not, as a plan of a value that must be accepted.
pub fn check(data: &[u8]) {
    let limits = Limits::default();
    let (first, held) = memory::peak(|| first_value(data, &limits));
    // Keys are kept until their dictionary ends, a growing list is in memory twice, and 100 values may be open.
    assert!(held <= data.len() * 32 + 16 * 1024, "{held} bytes held for {}", data.len());
    let whole = check_any_order(data, &limits);
    match first {
        Ok(value) => {
            let end = value.raw().len();
            assert_eq!(value.raw(), &data[..end]);
            assert_eq!(whole, if end == data.len() { Ok(()) } else { Err(Error::Trailing { at: end }) });
            check_value(value);
        }
        Err(error) => {
            assert_eq!(whole, Err(error));
            assert!(check_sorted(data, &limits).is_err(), "order is one more demand");
            check_accepted(&planned(data));
        }
    }
}

/// Counts the parts of a value.
#[derive(Default)]
struct Tally {
    tokens: usize,
    depth: usize,
}

/// Checks a value that the parser accepted.
fn check_value(value: Value<'_>) {
    let raw = value.raw();
    let mut tally = Tally::default();
    let model = model(value, 0, &mut tally);
    let parsed: Model = serde_bencode::from_bytes(raw).expect("serde_bencode reads what we read");
    assert_eq!(parsed, model);
    let canonical = serde_bencode::to_bytes(&model).expect("it is written");
    let sorted = check_sorted(raw, &Limits::default());
    assert_eq!(canonical == raw, sorted.is_ok(), "{sorted:?}");
    assert_eq!(check_sorted(&canonical, &Limits::default()), Ok(()));
    let Tally { tokens, depth } = tally;
    let verdict = |depth, tokens| check_any_order(raw, &Limits { depth, tokens });
    assert_eq!(verdict(depth + 1, tokens), Ok(()));
    assert_eq!(verdict(depth + 1, tokens - 1), Err(Error::TooManyTokens { tokens: tokens - 1 }));
    if depth > 0 {
        assert_eq!(verdict(depth, tokens), Err(Error::TooDeep { depth }));
    }
}

/// The value as `serde_bencode` parses it. Every span must cover its part of the input.
fn model(value: Value<'_>, depth: usize, tally: &mut Tally) -> Model {
    tally.tokens += 1;
    if let Some(number) = value.int() {
        assert_eq!(value.raw(), format!("i{number}e").as_bytes());
        return Model::Int(number);
    }
    if let Some(text) = value.string() {
        assert_eq!(value.raw(), encoded(text));
        return Model::Bytes(text.to_vec());
    }
    tally.tokens += 1;
    tally.depth = tally.depth.max(depth + 1);
    let mut at = 1;
    let model = if let Some(list) = value.list() {
        Model::List(
            list.map(|item| {
                assert!(std::ptr::eq(&raw const value.raw()[at], item.raw().as_ptr()));
                at += item.raw().len();
                model(item, depth + 1, tally)
            })
            .collect(),
        )
    } else {
        let entries = value.dict().expect("it is one of four kinds").map(|entry| {
            assert_eq!(entry.at, at);
            let key = encoded(entry.key);
            assert!(value.raw()[at..].starts_with(&key));
            at += key.len();
            assert!(std::ptr::eq(&raw const value.raw()[at], entry.value.raw().as_ptr()));
            at += entry.value.raw().len();
            tally.tokens += 1;
            (entry.key.to_vec(), model(entry.value, depth + 1, tally))
        });
        Model::Dict(entries.collect())
    };
    assert_eq!(&value.raw()[at..], b"e");
    model
}

fn encoded(text: &[u8]) -> Vec<u8> {
    [text.len().to_string().as_bytes(), b":", text].concat()
}

/// Checks that a value written by `serde_bencode` is accepted.
fn check_accepted(model: &Model) {
    let written = serde_bencode::to_bytes(model).expect("it is written");
    assert_eq!(check_sorted(&written, &Limits::default()), Ok(()));
    check_value(Value::of_checked(&written));
}

/// Deepest nesting of a planned value; deeper ones are among the seeds.
const MAX_PLANNED_DEPTH: usize = 16;

/// An open list or dictionary.
enum Container {
    List(Vec<Model>),
    Dict(Vec<(Vec<u8>, Model)>),
}

impl Container {
    fn close(self) -> Model {
        match self {
            Self::List(items) => Model::List(items),
            Self::Dict(entries) => Model::Dict(entries.into_iter().collect()),
        }
    }
}

/// The value that `plan` describes: a byte chooses the next kind of value, the bytes after it its content.
fn planned(mut plan: &[u8]) -> Model {
    let mut open = vec![Container::List(Vec::new())];
    while let Some((&step, rest)) = plan.split_first() {
        plan = rest;
        let value = match step % 5 {
            0 => {
                let (number, rest) = plan.split_at(plan.len().min(8));
                plan = rest;
                Model::Int(number.iter().fold(0, |value, byte| value << 8 | i64::from(*byte)))
            }
            1 => Model::Bytes(take(&mut plan, usize::from(step / 5))),
            2 if open.len() < MAX_PLANNED_DEPTH => {
                open.push(Container::List(Vec::new()));
                continue;
            }
            3 if open.len() < MAX_PLANNED_DEPTH => {
                open.push(Container::Dict(Vec::new()));
                continue;
            }
            _ if open.len() > 1 => open.pop().map_or(Model::Int(0), Container::close),
            _ => continue,
        };
        put(&mut open, value, &mut plan);
    }
    while open.len() > 1 {
        let value = open.pop().map_or(Model::Int(0), Container::close);
        put(&mut open, value, &mut plan);
    }
    open.pop().map_or(Model::Int(0), Container::close)
}

fn put(open: &mut [Container], value: Model, plan: &mut &[u8]) {
    match open.last_mut() {
        Some(Container::List(items)) => items.push(value),
        Some(Container::Dict(entries)) => {
            let length = plan.first().map_or(0, |byte| usize::from(byte % 8));
            entries.push((take(plan, length), value));
        }
        None => {}
    }
}

fn take(plan: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = plan.split_at(plan.len().min(length));
    *plan = rest;
    taken.to_vec()
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "i-9223372036854775808e",
        "0:",
        "d1:ai1e1:bl0:i0eed0:deee",
        "d1:b0:1:a0:e",
        "d1:a0:1:a0:e",
        "d8:completei3e8:intervali1800e5:peers6:\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}e",
        "i01e",
        "l1:ae\n",
    ]
    .map(|seed| seed.as_bytes().to_vec())
    .into();
    seeds.extend([99, 100].map(|depth| ["l".repeat(depth), "e".repeat(depth)].concat().into_bytes()));
    seeds
}
