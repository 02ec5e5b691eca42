//! Random changes to bytes. The same random source gives the same changes.

use fastrand::Rng;

/// Most bytes of an input; longer ones find no more faults.
const MAX_LEN: usize = 64 * 1024;

/// Makes one to four random changes to `bytes`; some insert one of `words` or a part of `other`.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], rng: &mut Rng) {
    for _ in 0..rng.u8(1..=4) {
        change(bytes, other, words, rng);
    }
    bytes.truncate(MAX_LEN);
}

fn change(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let some = at..(at + rng.usize(..=8)).min(bytes.len());
    match rng.u8(..9) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng
                    .choice([0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b':', b'e', b'%', b'&', b'/', b'\n'])
                    .unwrap_or(0);
            }
        }
        2 => {
            bytes.splice(some, []);
        }
        3 => {
            let twice = bytes[some].to_vec();
            bytes.splice(at..at, twice);
        }
        4 | 5 => {
            let word = rng.choice(words).copied().unwrap_or_default().as_bytes().to_vec();
            // The part replaces other bytes, or is inserted.
            let place = if rng.bool() { at..at } else { some };
            bytes.splice(place, word);
        }
        6 => {
            let from = rng.usize(..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        7 => {
            let noise: Vec<u8> = (0..rng.usize(..=8)).map(|_| rng.u8(..)).collect();
            bytes.splice(some, noise);
        }
        _ => bytes.truncate(at),
    }
}
