//! Lists that grow and shrink in small steps, and numbers as small as they can be.

/// Makes room for one more, growing by a sixteenth: unused capacity is memory, too.
pub(super) fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 16 + 1);
    }
}

/// Frees capacity once a quarter of it is unused.
pub(super) fn shrink<T>(list: &mut Vec<T>) {
    if list.capacity() > list.len() + list.len() / 4 + 8 {
        list.shrink_to(list.len() + list.len() / 16);
    }
}

/// A number of peers in a swarm, which is below 2^32: so many slots would take 112 GiB.
pub(super) fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A number of peers in a table, which is below 4096.
pub(super) fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
