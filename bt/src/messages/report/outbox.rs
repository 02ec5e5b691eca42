//! The tracker's queue of reports: gathered until the webapi asks, kept until it says that they are applied.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{MAX_REPORTS, Report};
use crate::messages::counts::Position;

/// Batches of reports: gathered, handed out one at a time and dropped when they are applied.
///
/// A report joins its batch at once, not when the batch is handed out. Until then, later reports of the same member and
/// torrent are added to it. So a copy of the outbox in a file stays true whatever happens later: a report in it was
/// applied with the batch that it has there, or was not applied.
#[derive(Debug)]
pub struct Outbox {
    epoch: u64,
    /// Sequence number of the batch begun last.
    seq: u64,
    capacity: usize,
    /// Oldest first. Batches of this epoch come last, with consecutive numbers.
    batches: VecDeque<Batch>,
    /// Reports to which later ones can be added, by member and torrent.
    open: HashMap<(u32, u32), ReportIndex, FixedState>,
    len: usize,
    dropped: u64,
}

#[derive(Debug)]
struct Batch {
    position: Position,
    reports: Vec<Report>,
    /// Whether it was handed out: it does not change any more.
    sealed: bool,
}

/// Finds a report in the outbox. It is small, as there may be millions.
#[derive(Debug, Clone, Copy)]
struct ReportIndex {
    /// The lower half of its batch's sequence number.
    seq: u32,
    /// Index within the batch.
    at: u16,
}

/// An index within a batch fits `ReportIndex::at`.
const _: () = assert!(MAX_REPORTS <= u16::MAX as usize);

impl Outbox {
    /// An empty outbox for at most `capacity` reports. No other outbox may ever have had the same `epoch`.
    pub fn new(epoch: u64, capacity: usize) -> Self {
        let open = HashMap::with_hasher(FixedState::with_seed(epoch));
        Self { epoch, seq: 0, capacity, batches: VecDeque::new(), open, len: 0, dropped: 0 }
    }

    /// Adds a report. `false` says that the outbox is full and the report lost.
    pub fn add(&mut self, report: &Report) -> bool {
        let pair = (report.member, report.torrent);
        if let Some(&index) = self.open.get(&pair)
            && let Some(known) = self.report_mut(index)
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
        self.open.insert(pair, ReportIndex { seq: lower_half(self.seq), at });
        self.len += 1;
        true
    }

    /// The oldest batch: the same one until [`Outbox::applied`] drops it.
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

    /// Drops the batch at `position` if it was handed out, and says whether it did.
    pub fn applied(&mut self, position: Position) -> bool {
        let is_it = |batch: &Batch| batch.sealed && batch.position == position;
        let found = self.batches.iter().position(is_it).and_then(|at| self.batches.remove(at));
        self.len -= found.as_ref().map_or(0, |batch| batch.reports.len());
        found.is_some()
    }

    /// The position for an answer without reports: before every batch to come.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }

    /// The number of reports that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no report waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of batches that wait.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// The number of reports lost because the outbox was full, ever.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The oldest batch after the one at `after`, or the oldest of all. Visits all batches even if others are added and
    /// dropped meanwhile.
    pub fn export(&self, after: Option<Position>) -> Option<(Position, &[Report])> {
        // If the batch is gone it was the first: batches are dropped in their order.
        let at = after.and_then(|after| self.batches.iter().position(|batch| batch.position == after));
        let batch = self.batches.get(at.map_or(0, |at| at + 1))?;
        Some((batch.position, &batch.reports))
    }

    /// Adds a batch of an earlier epoch, before those of this one. It counts towards the capacity, but may exceed it.
    pub fn restore(&mut self, position: Position, reports: Vec<Report>) {
        if position.epoch == self.epoch || self.batches.iter().any(|batch| batch.position == position) {
            return;
        }
        self.len += reports.len();
        let at = self.batches.partition_point(|batch| batch.position.epoch != self.epoch);
        self.batches.insert(at, Batch { position, reports, sealed: true });
    }

    fn report_mut(&mut self, index: ReportIndex) -> Option<&mut Report> {
        let from_back = usize::try_from(lower_half(self.seq).wrapping_sub(index.seq)).ok()?;
        let at = self.batches.len().checked_sub(from_back.checked_add(1)?)?;
        self.batches.get_mut(at)?.reports.get_mut(usize::from(index.at))
    }
}

fn lower_half(seq: u64) -> u32 {
    let [.., a, b, c, d] = seq.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
