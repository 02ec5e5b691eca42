//! The check and the reader against hand-written cases, and against `serde_bencode` as a second implementation.

use proptest::prelude::*;
use serde_bencode::value::Value as Reference;

use super::*;

const SIZE: usize = 10_000_000;

fn checked(bytes: &[u8]) -> Result<(), Error> {
    check(bytes, &Limits::default())
}

/// Runs where a recursive parser would end the process.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(test);
    thread.expect("a thread starts").join().expect("the test passes");
}

#[test]
fn strict_syntax_passes() {
    for sound in ["i0e", "i-1e", "i9223372036854775807e", "i-9223372036854775808e", "0:", "3:abc", "le", "de"]
    {
        assert_eq!(checked(sound.as_bytes()), Ok(()), "{sound}");
    }
    assert_eq!(checked(b"d1:ali1e2:xxe1:bd0:i0eee"), Ok(()));
}

#[test]
fn loose_numbers_are_refused() {
    for loose in ["i00e", "i01e", "i-0e", "i-01e", "ie", "i-e", "i+1e", "i 1e", "i1 e", "01:a", "1 :a"] {
        assert!(matches!(checked(loose.as_bytes()), Err(Error::Number { at: 0 })), "{loose}");
    }
    for large in ["i9223372036854775808e", "i-9223372036854775809e", "i99999999999999999999e"] {
        assert_eq!(checked(large.as_bytes()), Err(Error::Number { at: 0 }), "{large}");
    }
}

#[test]
fn faults_name_their_place() {
    assert_eq!(checked(b""), Err(Error::Incomplete { at: 0 }));
    assert_eq!(checked(b"l3:ab"), Err(Error::Incomplete { at: 1 }));
    assert_eq!(checked(b"li1e"), Err(Error::Incomplete { at: 4 }));
    assert_eq!(checked(b"18446744073709551615:a"), Err(Error::Incomplete { at: 0 }));
    assert_eq!(checked(b"e"), Err(Error::Unexpected { at: 0 }));
    assert_eq!(checked(b"lxe"), Err(Error::Unexpected { at: 1 }));
    assert_eq!(checked(b"d1:ae"), Err(Error::Unexpected { at: 4 }));
    assert_eq!(checked(b"di1ei2ee"), Err(Error::Key { at: 1 }));
    assert_eq!(checked(b"i1e\n"), Err(Error::Trailing { at: 3 }));
}

#[test]
fn keys_in_any_order_but_never_twice() {
    let twice = Err(Error::DuplicateKey { key: "a".into() });
    assert_eq!(checked(b"d1:bi1e1:ai1ee"), Ok(()));
    assert_eq!(checked(b"d1:ai1e1:ai1ee"), twice);
    assert_eq!(checked(b"d1:ai1e1:bd1:ci1ee1:ai1ee"), twice);
    assert_eq!(checked(b"ld1:ai1eed1:ai1eee"), Ok(()));
    let limits = Limits::default();
    assert_eq!(check_sorted(b"d1:ad1:bi1eee", &limits), Ok(()));
    assert_eq!(check_sorted(b"d1:ad1:bi1e1:ai1eee", &limits), Err(Error::Unsorted));
}

#[test]
fn what_follows_the_first_value_is_left_out() {
    let value = first_value(b"d1:ai1ee\r\n", &Limits::default()).map(Value::raw);
    assert_eq!(value, Ok(&b"d1:ai1ee"[..]));
}

#[test]
fn limits_are_exact() {
    let limits = Limits { depth: 3, tokens: 5 };
    assert_eq!(check(b"llee", &limits), Ok(()));
    assert_eq!(check(b"llleee", &limits), Err(Error::TooDeep { depth: 3 }));
    assert_eq!(check(b"li1ei2ei3ee", &limits), Ok(()));
    assert_eq!(check(b"li1ei2ei3ei4ee", &limits), Err(Error::TooManyTokens { tokens: 5 }));
}

#[test]
fn deep_nesting_uses_no_stack() {
    on_a_small_stack(|| {
        let limits = Limits { depth: usize::MAX, tokens: usize::MAX };
        for open in ["l", "d1:a"] {
            let bomb = open.repeat(SIZE / open.len());
            assert_eq!(checked(bomb.as_bytes()), Err(Error::TooDeep { depth: 100 }));
        }
        let sound = "l".repeat(SIZE / 2) + &"e".repeat(SIZE / 2);
        assert_eq!(check(sound.as_bytes(), &limits), Ok(()));
        // Reading steps over what it does not want without going into it.
        let items = Value::of_checked(sound.as_bytes()).list();
        assert_eq!(items.map(Iterator::count), Some(1));
    });
}

#[test]
fn many_tokens_are_refused_or_read() {
    let bomb = format!("l{}e", "0:".repeat(SIZE / 2));
    assert_eq!(checked(bomb.as_bytes()), Err(Error::TooManyTokens { tokens: 3_000_000 }));
    let full = format!("l{}e", "i0e".repeat(2_999_998));
    assert_eq!(checked(full.as_bytes()), Ok(()));
    // Descending keys are what would make a naive search for duplicates quadratic.
    let descending: Vec<_> = (0..900_000).rev().map(|key| format!("6:{key:06}0:")).collect();
    assert_eq!(checked(format!("d{}e", descending.concat()).as_bytes()), Ok(()));
}

fn to_reference(value: Value<'_>) -> Option<Reference> {
    if let Some(int) = value.int() {
        return Some(Reference::Int(int));
    }
    if let Some(text) = value.string() {
        return Some(Reference::Bytes(text.to_vec()));
    }
    if let Some(list) = value.list() {
        return list.map(to_reference).collect::<Option<_>>().map(Reference::List);
    }
    let entries = value.dict()?.map(|entry| Some((entry.key.to_vec(), to_reference(entry.value)?)));
    entries.collect::<Option<_>>().map(Reference::Dict)
}

fn any_value() -> impl Strategy<Value = Reference> {
    let text = || prop::collection::vec(any::<u8>(), 0..12);
    let leaf = prop_oneof![any::<i64>().prop_map(Reference::Int), text().prop_map(Reference::Bytes)];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Reference::List),
            prop::collection::hash_map(text(), inner, 0..8).prop_map(Reference::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_the_reference_writes(value in any_value()) {
        let bytes = serde_bencode::to_bytes(&value).expect("the reference writes any value");
        prop_assert_eq!(check_sorted(&bytes, &Limits::default()), Ok(()));
        prop_assert_eq!(to_reference(Value::of_checked(&bytes)), Some(value));
    }

    #[test]
    fn the_reference_reads_what_passes(bytes in "[0-3ldei:a-]{1,24}") {
        if checked(bytes.as_bytes()).is_ok() {
            let read: Reference = serde_bencode::from_str(&bytes).expect("the reference reads it");
            prop_assert_eq!(to_reference(Value::of_checked(bytes.as_bytes())), Some(read));
        }
    }

    #[test]
    fn unchecked_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let value = Value::of_checked(&bytes);
        let _ = (value.int(), value.string(), value.list().map(Iterator::count), value.dict().map(Iterator::count));
    }
}
