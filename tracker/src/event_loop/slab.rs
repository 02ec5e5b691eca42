//! Values under small numbers, which are reused.

/// Finds a value in a [`Slab`], but no later value with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    index: usize,
    generation: u32,
}

/// Values under the numbers of their entries.
#[derive(Debug)]
pub(super) struct Slab<T> {
    /// Each with its generation, which counts the values removed from it.
    entries: Vec<(u32, Option<T>)>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    /// Puts a value in and returns its number.
    pub(super) fn insert(&mut self, value: T) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            self.entries.len() - 1
        });
        self.entries[index].1 = Some(value);
        index
    }

    pub(super) fn remove(&mut self, index: usize) {
        if let Some((generation, entry)) = self.entries.get_mut(index)
            && entry.take().is_some()
        {
            *generation = generation.wrapping_add(1);
            self.free.push(index);
        }
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut T> {
        self.entries.get_mut(index)?.1.as_mut()
    }

    /// The key of the value at `index`.
    pub(super) fn key(&self, index: usize) -> Key {
        Key { index, generation: self.entries.get(index).map_or(0, |entry| entry.0) }
    }

    /// The number of the value that had this key, if it is still there.
    pub(super) fn find(&self, key: Key) -> Option<usize> {
        let (generation, value) = self.entries.get(key.index)?;
        (*generation == key.generation && value.is_some()).then_some(key.index)
    }

    /// All numbers so far; some may be free.
    pub(super) fn indices(&self) -> std::ops::Range<usize> {
        0..self.entries.len()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_reused_and_a_key_is_not() {
        let mut slab = Slab::new();
        let (first, second) = (slab.insert('a'), slab.insert('b'));
        let key = slab.key(first);
        assert_eq!(slab.find(key), Some(first));
        slab.remove(first);
        slab.remove(first);
        assert_eq!((slab.find(key), slab.len()), (None, 1));
        assert_eq!(slab.insert('c'), first);
        assert_eq!(slab.find(key), None);
        assert_eq!(
            (slab.at(first).copied(), slab.at(second).copied(), slab.at(9)),
            (Some('c'), Some('b'), None)
        );
        assert_eq!(slab.len(), 2);
    }
}
