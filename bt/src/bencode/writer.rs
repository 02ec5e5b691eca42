//! Writes bencoding (BEP 3) into a buffer. The caller must write the keys of a dictionary in order.

/// Appends `value` in decimal.
fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends an integer, `i…e`.
pub(crate) fn integer(out: &mut Vec<u8>, value: u64) {
    out.push(b'i');
    decimal(out, value);
    out.push(b'e');
}

/// Appends a string with its length.
pub(crate) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    decimal(out, bytes.len() as u64);
    out.push(b':');
    out.extend_from_slice(bytes);
}

/// Appends a dictionary entry whose value is bencoded already.
pub(crate) fn raw_entry(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    string(out, key);
    out.extend_from_slice(value);
}
