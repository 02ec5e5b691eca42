//! Reads checked bencoding in place: every value is a span of the input.

use super::{Token, Tokens};

/// One bencoded value, as the span of bytes it was read from.
///
/// Of bytes that never passed [`super::check`] it may yield less, but it never panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// The value in bytes that passed a check before.
    pub fn of_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes of the whole value.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The integer, if it is one.
    pub fn int(self) -> Option<i64> {
        match Tokens::new(self.0).next() {
            Ok(Token::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The string's bytes, if it is one.
    pub fn string(self) -> Option<&'a [u8]> {
        match Tokens::new(self.0).next() {
            Ok(Token::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a dictionary.
    pub fn dict(self) -> Option<Dict<'a>> {
        let mut tokens = Tokens::new(self.0);
        matches!(tokens.next(), Ok(Token::Dict)).then_some(Dict(tokens))
    }

    /// The items, if it is a list.
    pub fn list(self) -> Option<List<'a>> {
        let mut tokens = Tokens::new(self.0);
        matches!(tokens.next(), Ok(Token::List)).then_some(List(tokens))
    }
}

/// One entry of a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where the key's bencoding begins, in bytes from the dictionary's first byte.
    pub at: usize,
    /// The key, without its length.
    pub key: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// The entries of a dictionary in the order of the input.
#[derive(Debug, Clone)]
pub struct Dict<'a>(Tokens<'a>);

impl<'a> Iterator for Dict<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let at = self.0.at;
        let Ok(Token::String(key)) = self.0.next() else { return None };
        Some(Entry { at, key, value: Value(self.0.value()?) })
    }
}

/// The items of a list.
#[derive(Debug, Clone)]
pub struct List<'a>(Tokens<'a>);

impl<'a> Iterator for List<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.value().map(Value)
    }
}
