//! Bencoding (BEP 3): a strict check, a reader over spans of the input, and a writer.
//!
//! Nothing recurses, and nothing is allocated from a length that the input claims. Untrusted bytes go through [`check`]
//! or [`first_value`] once; then [`Value`] reads what passed.

mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

pub use reader::{Dict, Entry, List, Value};

/// How much a document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fewer lists and dictionaries than this may be open at once (libtorrent: 100).
    pub depth: usize,
    /// Integers, strings (also keys), and beginnings and ends of lists and dictionaries (libtorrent: 3,000,000).
    pub tokens: usize,
}

/// The limits of libtorrent 2.1, so that libtorrent reads what passes.
impl Default for Limits {
    fn default() -> Self {
        Self { depth: 100, tokens: 3_000_000 }
    }
}

/// Why bytes are not accepted as bencoding. `at` is an offset in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input ends inside a value, or a string claims more bytes than there are.
    #[error("it breaks off in the middle of a value that begins at byte {at}")]
    Incomplete {
        /// Where the value begins.
        at: usize,
    },
    /// A byte that begins no value, or an end where a value must stand.
    #[error("at byte {at} there is no bencoded value")]
    Unexpected {
        /// Where the byte is.
        at: usize,
    },
    /// Leading zeros, `-0`, no digits, or a number above 64 bits.
    #[error("the number at byte {at} is not written as bencoding demands")]
    Number {
        /// Where the number's value begins.
        at: usize,
    },
    /// A dictionary key that is not a string.
    #[error("the dictionary key at byte {at} is not a string")]
    Key {
        /// Where the key begins.
        at: usize,
    },
    /// A key is repeated in one dictionary: programs differ in which of the values they read.
    #[error("the key {key:?} stands twice in one dictionary")]
    DuplicateKey {
        /// The key, shortened and made readable.
        key: String,
    },
    /// Keys are out of order where order is demanded (BEP 52).
    #[error("the keys of a dictionary are not in sorted order")]
    Unsorted,
    /// Lists and dictionaries are nested more deeply than [`Limits::depth`].
    #[error("lists and dictionaries are nested {depth} deep or deeper")]
    TooDeep {
        /// The limit.
        depth: usize,
    },
    /// More values than [`Limits::tokens`].
    #[error("it holds more than {tokens} values")]
    TooManyTokens {
        /// The limit.
        tokens: usize,
    },
    /// Bytes after the value.
    #[error("there are bytes after the end at byte {at}")]
    Trailing {
        /// Where the value ended.
        at: usize,
    },
}

/// Checks that `bytes` is one value in strict bencoding, within `limits`.
///
/// Keys may be in any order, as every client accepts that in version 1 metainfo, but may not be repeated.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    whole(bytes, scan(bytes, limits, KeyOrder::Any)?)
}

/// As [`check`], and also that the keys of every dictionary are in ascending order of bytes.
pub fn check_sorted(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    whole(bytes, scan(bytes, limits, KeyOrder::Sorted)?)
}

/// The value at the beginning of `bytes`, checked as by [`check`]. Bytes after it are ignored, as clients ignore them:
/// some tools write a newline at the end of a file.
pub fn first_value<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Value<'a>, Error> {
    let end = scan(bytes, limits, KeyOrder::Any)?;
    Ok(Value::of_checked(&bytes[..end]))
}

fn whole(bytes: &[u8], end: usize) -> Result<(), Error> {
    if end == bytes.len() { Ok(()) } else { Err(Error::Trailing { at: end }) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyOrder {
    Any,
    Sorted,
}

/// A list or dictionary that is being scanned.
struct Container {
    dict: bool,
    /// A dictionary's next token is a key (or its end).
    key_next: bool,
    /// Where this dictionary's keys begin in the list of keys.
    keys_from: usize,
    sorted: bool,
}

/// Checks the first value and returns where it ends.
fn scan(bytes: &[u8], limits: &Limits, order: KeyOrder) -> Result<usize, Error> {
    let mut tokens = Tokens::new(bytes);
    let mut open: Vec<Container> = Vec::new();
    // The keys of all open dictionaries. Duplicates are found when a dictionary ends.
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut count = 0;
    loop {
        let at = tokens.at;
        let token = tokens.next()?;
        count += 1;
        if count > limits.tokens {
            return Err(Error::TooManyTokens { tokens: limits.tokens });
        }
        if let Some(dict) = open.last_mut().filter(|top| top.dict) {
            if dict.key_next {
                match token {
                    Token::String(key) => {
                        note_key(dict, &mut keys, key, order)?;
                        dict.key_next = false;
                        continue;
                    }
                    Token::End => {}
                    _ => return Err(Error::Key { at }),
                }
            } else if token == Token::End {
                return Err(Error::Unexpected { at });
            } else {
                dict.key_next = true;
            }
        }
        match token {
            Token::Int(_) | Token::String(_) => {}
            Token::List | Token::Dict => {
                if open.len() + 1 >= limits.depth {
                    return Err(Error::TooDeep { depth: limits.depth });
                }
                let dict = token == Token::Dict;
                open.push(Container { dict, key_next: dict, keys_from: keys.len(), sorted: true });
            }
            Token::End => {
                let closed = open.pop().ok_or(Error::Unexpected { at })?;
                refuse_duplicates(&closed, &mut keys)?;
            }
        }
        if open.is_empty() {
            return Ok(tokens.at);
        }
    }
}

fn note_key<'a>(
    dict: &mut Container,
    keys: &mut Vec<&'a [u8]>,
    key: &'a [u8],
    order: KeyOrder,
) -> Result<(), Error> {
    if let Some(last) = keys[dict.keys_from..].last() {
        if *last == key {
            return Err(duplicate(key));
        }
        if *last > key {
            if order == KeyOrder::Sorted {
                return Err(Error::Unsorted);
            }
            dict.sorted = false;
        }
    }
    keys.push(key);
    Ok(())
}

fn refuse_duplicates(closed: &Container, keys: &mut Vec<&[u8]>) -> Result<(), Error> {
    if !closed.sorted {
        let own = &mut keys[closed.keys_from..];
        own.sort_unstable();
        if let Some(pair) = own.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(duplicate(pair[0]));
        }
    }
    keys.truncate(closed.keys_from);
    Ok(())
}

fn duplicate(key: &[u8]) -> Error {
    Error::DuplicateKey { key: String::from_utf8_lossy(&key[..key.len().min(32)]).into_owned() }
}

/// One token of bencoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Int(i64),
    String(&'a [u8]),
    List,
    Dict,
    End,
}

/// Cuts bytes into tokens, strictly. The caller checks whether they fit together.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<Token<'a>, Error> {
        let at = self.at;
        let token = match self.bytes.get(at) {
            None => return Err(Error::Incomplete { at }),
            Some(b'l') => Token::List,
            Some(b'd') => Token::Dict,
            Some(b'e') => Token::End,
            Some(b'i') => return self.int(),
            Some(b'0'..=b'9') => return self.string(),
            Some(_) => return Err(Error::Unexpected { at }),
        };
        self.at += 1;
        Ok(token)
    }

    /// `i`, an optional minus, digits without leading zeros, `e`.
    fn int(&mut self) -> Result<Token<'a>, Error> {
        let at = self.at;
        let negative = self.bytes.get(at + 1) == Some(&b'-');
        let from = at + 1 + usize::from(negative);
        let (magnitude, end) = self.digits(from, b'e', at)?;
        if negative && magnitude == 0 {
            return Err(Error::Number { at });
        }
        let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { magnitude.try_into().ok() };
        self.at = end;
        value.map(Token::Int).ok_or(Error::Number { at })
    }

    fn string(&mut self) -> Result<Token<'a>, Error> {
        let at = self.at;
        let (length, start) = self.digits(at, b':', at)?;
        let text = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(Error::Incomplete { at })?;
        self.at = start + text.len();
        Ok(Token::String(text))
    }

    /// The number whose digits begin at `from` and end with `stop`, and the offset after `stop`.
    fn digits(&self, from: usize, stop: u8, at: usize) -> Result<(u64, usize), Error> {
        let mut value: u64 = 0;
        let mut end = from;
        loop {
            match self.bytes.get(end) {
                None => return Err(Error::Incomplete { at }),
                Some(digit @ b'0'..=b'9') => {
                    value = value
                        .checked_mul(10)
                        .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                        .ok_or(Error::Number { at })?;
                }
                Some(byte) if *byte == stop => break,
                Some(_) => return Err(Error::Number { at }),
            }
            end += 1;
        }
        let leading_zero = end > from + 1 && self.bytes[from] == b'0';
        if end == from || leading_zero { Err(Error::Number { at }) } else { Ok((value, end + 1)) }
    }

    /// Steps over one whole value and returns its bytes; `None` at an `End` or at faulty bytes.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.next().ok()? {
                Token::List | Token::Dict => depth += 1,
                Token::End => depth = depth.checked_sub(1)?,
                Token::Int(_) | Token::String(_) => {}
            }
            if depth == 0 {
                return Some(&self.bytes[start..self.at]);
            }
        }
    }
}
