//! Splits long texts: at each character that it escapes, html5ever's serializer searches the rest of the text, so that
//! its time is quadratic in the length of a text without elements.

use pulldown_cmark::{CowStr, Event};

/// Bytes of text after which [`BREAK`] is inserted.
const RUN: usize = 4096;

/// An element that shows nothing; it allows a line break.
const BREAK: &str = "<wbr>";

/// `events`, with [`BREAK`] after every [`RUN`] bytes of text.
pub(super) fn split<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    let mut run = 0;
    events.flat_map(move |event| {
        let mut out = Vec::with_capacity(1);
        match event {
            Event::Text(text) => put(text, &mut run, &mut out),
            Event::Code(text) if text.len() > RUN => {
                out.push(Event::InlineHtml("<code>".into()));
                run = 0;
                put(text, &mut run, &mut out);
                out.push(Event::InlineHtml("</code>".into()));
            }
            Event::SoftBreak => {
                run += 1;
                out.push(Event::SoftBreak);
            }
            event => {
                run = 0;
                out.push(event);
            }
        }
        out
    })
}

fn put<'a>(text: CowStr<'a>, run: &mut usize, out: &mut Vec<Event<'a>>) {
    if *run + text.len() <= RUN {
        *run += text.len();
        out.push(Event::Text(text));
        return;
    }
    let mut rest = &*text;
    while !rest.is_empty() {
        let end = piece(rest, RUN.saturating_sub(*run));
        if end == 0 {
            out.push(Event::InlineHtml(BREAK.into()));
            *run = 0;
            continue;
        }
        out.push(Event::Text(rest[..end].to_owned().into()));
        *run += end;
        rest = &rest[end..];
        if !rest.is_empty() {
            out.push(Event::InlineHtml(BREAK.into()));
            *run = 0;
        }
    }
}

/// The end of a piece of at most `room` bytes: after white space, if its second half has some.
fn piece(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    let end = text.floor_char_boundary(room);
    let space = text[..end].rfind(['\n', ' ']).map_or(0, |at| at + 1);
    if space > end / 2 { space } else { end }
}
