//! Invariants of buckets, which tests check after every step.

use super::*;

impl PeerBuckets {
    pub(in crate::swarm) fn check(&self) {
        let mut total = Tally::<u32>::default();
        for bucket in 0..self.count() {
            let table = self.table(bucket);
            table.check();
            assert_eq!(self.tally(bucket), table.tally());
            total.replace(Tally::default(), table.tally());
            for at in 0..table.len() {
                assert_eq!(self.bucket(table.slot(at).member()), bucket);
            }
        }
        assert_eq!(self.total(), total);
        let Some(more) = &self.more else { return };
        assert_eq!((more.tables.len() + 1, more.tallies.len()), (self.count(), self.count()));
        for (position, &bucket) in more.directory.iter().enumerate() {
            let mark = more.marks[bucket as usize];
            assert!(mark.positions(more.directory.len()).any(|it| it == position));
        }
    }

    pub(in crate::swarm) fn bytes(&self) -> usize {
        (0..self.count()).map(|bucket| self.table(bucket).bytes()).sum()
    }
}
