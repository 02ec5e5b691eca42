//! Reports of announces, which shards keep until they are gathered.

use bt::messages::report::Report;
use bt::swarm::Claim;

use super::{Shard, Swarms};
use crate::shard::SHARDS;

/// Reports that a shard keeps until they are gathered, at most: more announces of one shard in 100 ms than a machine
/// can answer.
pub(super) const MAX_REPORTS: usize = 16_384;

/// Reports that a shard keeps memory for at least.
const SPARE_REPORTS: usize = 16;

impl Shard {
    pub(super) fn report(&mut self, report: Report) {
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(report);
        } else {
            self.lost += 1;
        }
    }

    /// Reports the claims that nothing has taken back in time.
    fn report_claims(&mut self, now: u32, report_of: impl Fn(Claim) -> Report) {
        let mut claims = std::mem::take(&mut self.claims);
        claims.take_due(now, |claim| self.report(report_of(claim)));
        self.claims = claims;
    }
}

impl Swarms {
    /// Reports all claims, which no announce will take back any more: the process stops.
    pub(crate) fn confirm_claims(&self) {
        for shard in 0..SHARDS {
            self.locked(shard, |shard| {
                let mut claims = std::mem::take(&mut shard.claims);
                claims.take_all(|claim| shard.report(self.report_of(claim)));
            });
        }
    }

    /// Hands over the reports of each shard since the last call, and how many it dropped because its list was full.
    pub(crate) fn take_reports(&self, now: u32, mut take: impl FnMut(&[Report], u64)) {
        // Copied, not swapped: each shard's list keeps the capacity that its own torrents need.
        let mut reports = Vec::new();
        for shard in 0..SHARDS {
            let lost = self.locked(shard, |shard| {
                shard.report_claims(now, |claim| self.report_of(claim));
                reports.extend_from_slice(&shard.reports);
                shard.reports.clear();
                shard.reports.shrink_to(SPARE_REPORTS.max(2 * reports.len()));
                std::mem::take(&mut shard.lost)
            });
            if lost > 0 || !reports.is_empty() {
                take(&reports, lost);
                reports.clear();
            }
        }
    }

    /// A claim that nothing takes back any more.
    fn report_of(&self, claim: Claim) -> Report {
        Report::of_claim(&claim, self.date(claim.at))
    }
}
