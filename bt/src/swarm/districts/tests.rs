//! Invariants of districts, which tests check after every step.

use super::*;

impl Districts {
    pub(in crate::swarm) fn check(&self) {
        let mut total = Tally::<u32>::default();
        for district in 0..self.count() {
            let table = self.table(district);
            table.check();
            assert_eq!(self.tally(district), table.tally());
            total.replace(Tally::default(), table.tally());
            for at in 0..table.len() {
                assert_eq!(self.district(table.slot(at).member()), district);
            }
        }
        assert_eq!(self.total(), total);
        let Some(more) = &self.more else { return };
        assert_eq!((more.tables.len() + 1, more.tallies.len()), (self.count(), self.count()));
        for (position, &district) in more.directory.iter().enumerate() {
            let mark = more.marks[district as usize];
            assert!(mark.positions(more.directory.len()).any(|it| it == position));
        }
    }

    pub(in crate::swarm) fn bytes(&self) -> usize {
        (0..self.count()).map(|district| self.table(district).bytes()).sum()
    }
}
