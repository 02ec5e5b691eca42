//! Fields of fixed length, taken off the front of a slice.

/// The first `N` bytes of `rest`, which then begins after them; `None`, with `rest` unchanged, if there are fewer.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, later) = rest.split_first_chunk()?;
    *rest = later;
    Some(*first)
}
