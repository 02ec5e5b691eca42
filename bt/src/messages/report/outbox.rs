//! The tracker's side of the reports: gathered until the webapi asks, kept until it says that they are applied.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{MAX_REPORTS, Report};
use crate::messages::counts::Position;

/// Batches that are gathered, handed out one at a time and dropped when they are applied.
///
/// A report gets the place of its batch at once, not when the batch is handed out. Until then, later reports of the
/// same member and torrent are added to it where it is. So a copy that was written to a file stays true whatever
/// happens after: what it holds of a batch was either applied with that batch, or with none.
#[derive(Debug)]
pub struct Outbox {
    epoch: u64,
    /// Of the batch begun last.
    seq: u64,
    capacity: usize,
    /// Oldest first. Those of this epoch are the last ones and have neighbouring numbers.
    batches: VecDeque<Batch>,
    /// Where later reports are added.
    open: HashMap<(u32, u32), Place, FixedState>,
    len: usize,
    dropped: u64,
}

#[derive(Debug)]
struct Batch {
    position: Position,
    reports: Vec<Report>,
    /// It may be known outside and does not change any more.
    sealed: bool,
}

/// Where a report is; small, as there may be millions.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The lower half of its batch's number.
    seq: u32,
    at: u16,
}

/// Batches have no more reports than this has room for.
const _: () = assert!(MAX_REPORTS <= u16::MAX as usize);

impl Outbox {
    /// Nothing to report. `epoch` must be one that no other outbox has ever had; of member and torrent together,
    /// `capacity` reports are kept at most.
    pub fn new(epoch: u64, capacity: usize) -> Self {
        let open = HashMap::with_hasher(FixedState::with_seed(epoch));
        Self { epoch, seq: 0, capacity, batches: VecDeque::new(), open, len: 0, dropped: 0 }
    }

    /// Adds a report, and says whether there was room: what is not kept is lost.
    pub fn add(&mut self, report: &Report) -> bool {
        let pair = (report.member, report.torrent);
        if let Some(&place) = self.open.get(&pair)
            && let Some(known) = self.report_mut(place)
        {
            known.add(report);
            return true;
        }
        if self.len >= self.capacity {
            self.dropped += 1;
            return false;
        }
        match self.batches.back_mut() {
            Some(batch) if !batch.sealed && batch.reports.len() < MAX_REPORTS => batch.reports.push(*report),
            _ => {
                self.seq += 1;
                let position = Position { epoch: self.epoch, seq: self.seq };
                self.batches.push_back(Batch { position, reports: vec![*report], sealed: false });
            }
        }
        let at = self.batches.back().map_or(0, |batch| batch.reports.len() - 1);
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        self.open.insert(pair, Place { seq: lower_half(self.seq), at });
        self.len += 1;
        true
    }

    /// The oldest batch, the same one until it is said to be applied.
    pub fn hand_out(&mut self) -> Option<(Position, &[Report])> {
        let batch = self.batches.front_mut()?;
        if !batch.sealed {
            batch.sealed = true;
            for report in &batch.reports {
                self.open.remove(&(report.member, report.torrent));
            }
            if self.open.capacity() > 4 * self.open.len() + 4 * MAX_REPORTS {
                self.open.shrink_to(2 * self.open.len());
            }
        }
        Some((batch.position, &batch.reports))
    }

    /// Drops the batch at `position` if it has been handed out, and says whether it did.
    pub fn applied(&mut self, position: Position) -> bool {
        let is_it = |batch: &Batch| batch.sealed && batch.position == position;
        let found = self.batches.iter().position(is_it).and_then(|at| self.batches.remove(at));
        self.len -= found.as_ref().map_or(0, |batch| batch.reports.len());
        found.is_some()
    }

    /// Where an answer without reports is: not beyond any batch to come.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }

    /// Reports that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Batches that wait.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Reports for which there was no room, ever.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The oldest batch after the one at `after`, to go through all while others are added and dropped.
    pub fn export(&self, after: Option<Position>) -> Option<(Position, &[Report])> {
        // One that is gone was the first: batches are dropped in their order.
        let at = after.and_then(|after| self.batches.iter().position(|batch| batch.position == after));
        let batch = self.batches.get(at.map_or(0, |at| at + 1))?;
        Some((batch.position, &batch.reports))
    }

    /// Puts a batch of an earlier epoch before those of this one. It counts against the capacity, but is kept also
    /// beyond it.
    pub fn restore(&mut self, position: Position, reports: Vec<Report>) {
        if position.epoch == self.epoch || self.batches.iter().any(|batch| batch.position == position) {
            return;
        }
        self.len += reports.len();
        let at = self.batches.partition_point(|batch| batch.position.epoch != self.epoch);
        self.batches.insert(at, Batch { position, reports, sealed: true });
    }

    fn report_mut(&mut self, place: Place) -> Option<&mut Report> {
        let from_back = usize::try_from(lower_half(self.seq).wrapping_sub(place.seq)).ok()?;
        let at = self.batches.len().checked_sub(from_back.checked_add(1)?)?;
        self.batches.get_mut(at)?.reports.get_mut(usize::from(place.at))
    }
}

fn lower_half(seq: u64) -> u32 {
    let [.., a, b, c, d] = seq.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
