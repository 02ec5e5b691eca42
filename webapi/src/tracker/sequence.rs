//! Checks that messages of counts follow each other without a gap, and says what to do at a gap. It knows no sockets.

use bt::messages::counts::{Position, Record};

/// Most messages kept while a snapshot is awaited. The tracker sends one every 100 ms, so that the snapshot's
/// timeout is over first.
const MAX_WAITING: usize = 1000;

/// The position in one stream of counts.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Position of the last message applied; `None` while a snapshot is awaited.
    at: Option<Position>,
    /// Messages of one epoch that came while a snapshot is awaited.
    waiting: Vec<(Position, Vec<Record>)>,
}

/// What to do with a message or a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Apply these records in order.
    Change(Vec<Record>),
    /// Do nothing: the message is known already, or it is kept for the snapshot.
    Nothing,
    /// A message was missed: forget the counts and ask for a snapshot.
    Ask,
}

impl Sequence {
    /// Whether a snapshot is awaited.
    pub(super) fn is_waiting(&self) -> bool {
        self.at.is_none()
    }

    /// Takes a message of the PUB socket.
    pub(super) fn message(&mut self, position: Position, records: Vec<Record>) -> Step {
        match self.at {
            Some(at) if at.epoch == position.epoch && position.seq <= at.seq => Step::Nothing,
            Some(at) if at.epoch == position.epoch && position.seq - at.seq == 1 => {
                self.at = Some(position);
                Step::Change(records)
            }
            Some(_) => {
                self.at = None;
                self.waiting = vec![(position, records)];
                Step::Ask
            }
            None => {
                self.wait(position, records);
                Step::Nothing
            }
        }
    }

    fn wait(&mut self, position: Position, records: Vec<Record>) {
        let other_epoch = self.waiting.first().is_some_and(|(first, _)| first.epoch != position.epoch);
        if other_epoch || self.waiting.len() >= MAX_WAITING {
            self.waiting.clear();
        }
        self.waiting.push((position, records));
    }

    /// Takes the position of a snapshot. [`Step::Change`] holds the later records, which must be applied after the
    /// snapshot's own.
    pub(super) fn snapshot(&mut self, mut at: Position) -> Step {
        let mut later = Vec::new();
        for (position, records) in &self.waiting {
            if position.epoch != at.epoch || position.seq.saturating_sub(at.seq) > 1 {
                return Step::Ask;
            }
            if position.seq > at.seq {
                at = *position;
                later.extend_from_slice(records);
            }
        }
        self.waiting.clear();
        self.at = Some(at);
        Step::Change(later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq }
    }

    fn record(seeders: u32) -> Vec<Record> {
        vec![Record { info_hash: [1; 20].into(), seeders, leechers: 0, snatched: 0 }]
    }

    fn following() -> Sequence {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.snapshot(at(1, 10)), Step::Change(vec![]));
        sequence
    }

    #[test]
    fn messages_in_order_are_put_in_and_older_ones_are_not() {
        let mut sequence = following();
        assert_eq!(sequence.message(at(1, 11), record(3)), Step::Change(record(3)));
        assert_eq!(sequence.message(at(1, 11), record(4)), Step::Nothing);
        assert_eq!(sequence.message(at(1, 12), record(5)), Step::Change(record(5)));
    }

    #[test]
    fn a_gap_and_a_new_epoch_ask_again() {
        for odd in [at(1, 12), at(2, 11), at(2, 1)] {
            let mut sequence = following();
            assert_eq!(sequence.message(odd, record(3)), Step::Ask);
            assert!(sequence.is_waiting());
            assert_eq!(sequence.snapshot(odd), Step::Change(vec![]));
            assert!(!sequence.is_waiting());
        }
    }

    #[test]
    fn what_came_during_the_question_goes_on_top_of_the_snapshot() {
        let mut sequence = Sequence::default();
        for seq in 9..=12 {
            assert_eq!(
                sequence.message(at(1, seq), record(u32::try_from(seq).expect("small"))),
                Step::Nothing
            );
        }
        assert_eq!(sequence.snapshot(at(1, 10)), Step::Change([record(11), record(12)].concat()));
        assert_eq!(sequence.message(at(1, 13), record(1)), Step::Change(record(1)));
    }

    #[test]
    fn a_snapshot_from_before_what_is_missing_or_of_another_epoch_is_not_enough() {
        let mut sequence = Sequence::default();
        sequence.message(at(2, 7), record(1));
        assert_eq!(sequence.snapshot(at(2, 5)), Step::Ask);
        assert_eq!(sequence.snapshot(at(1, 7)), Step::Ask);
        assert!(sequence.is_waiting());
        assert_eq!(sequence.snapshot(at(2, 6)), Step::Change(record(1)));
    }

    #[test]
    fn messages_of_an_ended_epoch_do_not_hold_up_the_next() {
        let mut sequence = Sequence::default();
        sequence.message(at(1, 7), record(1));
        sequence.message(at(2, 1), record(2));
        assert_eq!(sequence.snapshot(at(2, 0)), Step::Change(record(2)));
    }
}
