//! Bounds on the HTML of a description: the depth of nesting, and the number of elements.
//!
//! An HTML parser searches all open elements at each new one, so that its time is quadratic in the depth.

use std::cell::Cell;

use pulldown_cmark::{Event, Tag};

/// Most block quotes and lists nested in each other; deeper content is shown at this depth.
pub(super) const CONTAINERS: usize = 16;

/// Most inline elements (emphasis, links) nested in each other; deeper text is plain.
pub(super) const INLINE: usize = 16;

/// Most bytes of a link's address, and of its title.
const LINK: usize = 2048;

/// Most elements of a description. Markdown fills up the rows of a table, so that a short text can have many cells.
pub(super) const ELEMENTS: usize = 20_000;

/// How an element is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    /// An item of a list: shown if the list is.
    Item,
    Inline,
    /// A link beyond [`LINK`], of which only the text is shown.
    LongLink,
    Other,
}

/// An element that is open.
#[derive(Debug, Clone, Copy)]
struct OpenElement {
    kind: Kind,
    shown: bool,
}

/// The open elements, and how many elements were shown so far.
#[derive(Debug, Default)]
struct Elements {
    open: Vec<OpenElement>,
    containers: usize,
    inline: usize,
    count: usize,
}

/// `events` without what exceeds the bounds. `cut` becomes true if elements beyond [`ELEMENTS`] were left out.
pub(super) fn apply<'a>(
    events: impl Iterator<Item = Event<'a>>,
    cut: &Cell<bool>,
) -> impl Iterator<Item = Event<'a>> {
    let mut elements = Elements::default();
    events.filter_map(move |event| match event {
        Event::Start(tag) => {
            let shown = elements.open(Kind::of(&tag));
            cut.set(elements.count > ELEMENTS);
            match (shown, cut.get()) {
                (true, _) => Some(Event::Start(tag)),
                (false, true) => None,
                // The text before and after the left-out block must not run together.
                (false, false) => Some(Event::SoftBreak),
            }
        }
        Event::End(tag) => elements.close().then_some(Event::End(tag)),
        event => (!cut.get()).then_some(event),
    })
}

impl Kind {
    fn of(tag: &Tag<'_>) -> Self {
        match tag {
            Tag::BlockQuote(_) | Tag::List(_) => Self::Container,
            Tag::Item => Self::Item,
            Tag::Link { dest_url, title, .. } | Tag::Image { dest_url, title, .. }
                if dest_url.len() > LINK || title.len() > LINK =>
            {
                Self::LongLink
            }
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => Self::Inline,
            _ => Self::Other,
        }
    }
}

impl Elements {
    /// Opens an element and says whether it is shown. An element that only [`ELEMENTS`] leaves out is counted, too.
    fn open(&mut self, kind: Kind) -> bool {
        let fits = match kind {
            Kind::Container => self.containers < CONTAINERS,
            Kind::Item => self.open.last().is_some_and(|it| it.shown),
            Kind::Inline => self.inline < INLINE,
            Kind::LongLink => false,
            Kind::Other => true,
        };
        self.count += usize::from(fits);
        let shown = fits && self.count <= ELEMENTS;
        match kind {
            Kind::Container => self.containers += 1,
            Kind::Inline => self.inline += 1,
            Kind::Item | Kind::LongLink | Kind::Other => {}
        }
        self.open.push(OpenElement { kind, shown });
        shown
    }

    /// Closes the innermost element and says whether it was shown.
    fn close(&mut self) -> bool {
        let Some(OpenElement { kind, shown }) = self.open.pop() else { return false };
        match kind {
            Kind::Container => self.containers -= 1,
            Kind::Inline => self.inline -= 1,
            Kind::Item | Kind::LongLink | Kind::Other => {}
        }
        shown
    }
}
