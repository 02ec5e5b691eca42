//! An announce in a datagram.

use std::borrow::Cow;

use super::options::{read_url, write_url};
use super::{ANNOUNCE, Error, write_header};
use crate::announce::{self, Event, Request};
use crate::bytes::take;

/// An announce and the URL that its client sends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announce<'a> {
    /// The announce. The address that the client names is not read; the answer is always compact.
    pub request: Request,
    /// Path and query of the announce URL (BEP 41), empty when the client did not send them.
    pub url: Cow<'a, [u8]>,
}

/// The bytes of an announce after its header, read from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        take(&mut self.0).ok_or(Error::Short)
    }

    fn take_u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_be_bytes)
    }

    fn take_u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_be_bytes)
    }
}

impl<'a> Announce<'a> {
    /// Reads the bytes of [`super::Action::Announce`]. Allocates only for a URL in several pieces.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        let mut fields = Fields(body);
        let info_hash = fields.take::<20>()?.into();
        let peer_id = fields.take()?;
        let downloaded = fields.take_u64()?;
        let left = fields.take_u64()?;
        let uploaded = fields.take_u64()?;
        let event = event(fields.take_u32()?);
        let _ip = fields.take_u32()?;
        let _key = fields.take_u32()?;
        let numwant = i32::from_be_bytes(fields.take()?);
        let port = u16::from_be_bytes(fields.take()?);
        if port == 0 {
            return Err(announce::Error::Port.into());
        }
        let request = Request {
            info_hash,
            peer_id,
            port,
            uploaded,
            downloaded,
            left: Some(left),
            event,
            numwant: u32::try_from(numwant).ok(),
            compact: true,
        };
        Ok(Self { request, url: read_url(fields.0)? })
    }

    /// Appends the datagram of this announce. An absent `left`, the client's address and its key are written as 0.
    pub fn write(&self, connection: u64, transaction: u32, out: &mut Vec<u8>) {
        let Request { info_hash, peer_id, port, uploaded, downloaded, left, numwant, .. } = &self.request;
        write_header(connection, ANNOUNCE, transaction, out);
        out.extend_from_slice(info_hash.as_bytes());
        out.extend_from_slice(peer_id);
        for counter in [*downloaded, left.unwrap_or(0), *uploaded] {
            out.extend_from_slice(&counter.to_be_bytes());
        }
        let numwant = numwant.map_or(-1, |count| i32::try_from(count).unwrap_or(i32::MAX));
        for number in [number(self.request.event), 0, 0, numwant.cast_unsigned()] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&port.to_be_bytes());
        write_url(&self.url, out);
    }
}

fn event(number: u32) -> Event {
    match number {
        1 => Event::Completed,
        2 => Event::Started,
        3 => Event::Stopped,
        // libtorrent, for BEP 21.
        4 => Event::Paused,
        _ => Event::None,
    }
}

fn number(event: Event) -> u32 {
    match event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
        Event::Paused => 4,
    }
}
