//! The sums as the webapi writes them down.

use std::collections::BTreeMap;

use bt::messages::counts::Position;
use bt::messages::report::{Report, is_new};

use super::reference::{Pair, Transfer};

/// The sums that survive a restart of the tracker and of the webapi.
#[derive(Default)]
pub(super) struct Database {
    pub(super) transfers: BTreeMap<Pair, Transfer>,
    /// The number of snatches of each torrent, by its id.
    pub(super) snatched: BTreeMap<u32, usize>,
    applied: BTreeMap<u64, u64>,
}

impl Database {
    /// One transaction.
    pub(super) fn apply(&mut self, position: Position, reports: &[Report]) {
        if !is_new(position, self.applied.get(&position.epoch).copied()) {
            return;
        }
        self.applied.insert(position.epoch, position.seq);
        for report in reports {
            let transfer = self.transfers.entry((report.member, report.torrent)).or_default();
            transfer.sums.uploaded += report.uploaded;
            transfer.sums.downloaded += report.downloaded;
            transfer.sums.seeded += u64::from(report.seeded);
            transfer.sums.leeched += u64::from(report.leeched);
            if report.snatched && !transfer.sums.snatched {
                transfer.sums.snatched = true;
                *self.snatched.entry(report.torrent).or_default() += 1;
            }
            transfer.left = report.left;
            transfer.seen = transfer.seen.max(report.seen);
            transfer.stopped = report.stopped;
        }
    }
}
