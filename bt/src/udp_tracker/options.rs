//! The options after a request (BEP 41).

use std::borrow::Cow;

use super::Error;

const END: u8 = 0;
pub(super) const NOP: u8 = 1;
pub(super) const URL_DATA: u8 = 2;

/// Path and query of the announce URL; empty if there are none. They are copied only if they come in several options.
pub(super) fn read_url(options: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let mut url = Cow::Borrowed(&options[..0]);
    let mut rest = options;
    loop {
        rest = match rest {
            [] | [END, ..] => return Ok(url),
            [NOP, rest @ ..] => rest,
            [_] => return Err(Error::Options),
            [kind, length, rest @ ..] => {
                let (data, rest) = rest.split_at_checked((*length).into()).ok_or(Error::Options)?;
                if *kind == URL_DATA {
                    if url.is_empty() {
                        url = Cow::Borrowed(data);
                    } else {
                        url.to_mut().extend_from_slice(data);
                    }
                }
                rest
            }
        };
    }
}

/// Appends the options that [`read_url`] reads.
pub(super) fn write_url(url: &[u8], out: &mut Vec<u8>) {
    for part in url.chunks(u8::MAX.into()) {
        out.push(URL_DATA);
        out.extend(u8::try_from(part.len()));
        out.extend_from_slice(part);
    }
}
