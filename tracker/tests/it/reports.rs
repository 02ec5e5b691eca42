//! Accounting reports over ZeroMQ, kept until they are acknowledged.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bt::announce::Event;
use bt::messages::control::{Answer, Request};
use bt::messages::counts::Position;
use bt::messages::report::{Report, is_new};

use crate::harness::{TrackerRig, eventually};
use crate::live::ask;

/// Acknowledges `applied` and returns the oldest batch, which may be empty.
pub(crate) async fn batch(rig: &TrackerRig, applied: Option<Position>) -> (Position, Vec<Report>) {
    match ask(rig, Request::Reports { applied }).await {
        Answer::Reports { position, reports } => (position, reports),
        other => panic!("{other:?}"),
    }
}

/// Asks until there is a batch.
pub(crate) async fn next_batch(rig: &TrackerRig, applied: Option<Position>) -> (Position, Vec<Report>) {
    eventually("something is reported", async || {
        Some(batch(rig, applied).await).filter(|(_, reports)| !reports.is_empty())
    })
    .await
}

/// Applies reports as the webapi does, without its database.
#[derive(Default)]
pub(crate) struct AppliedReports {
    applied: BTreeMap<u64, u64>,
    /// Sums of each member.
    pub(crate) uploaded: BTreeMap<u32, u64>,
}

impl AppliedReports {
    /// Applies what there is until the tracker says that there is no more.
    pub(crate) async fn take_all(&mut self, rig: &TrackerRig) {
        let mut last = None;
        loop {
            let (position, reports) = batch(rig, last).await;
            if reports.is_empty() {
                return;
            }
            if is_new(position, self.applied.get(&position.epoch).copied()) {
                self.applied.insert(position.epoch, position.seq);
                for report in reports {
                    *self.uploaded.entry(report.member).or_default() += report.uploaded;
                }
            }
            last = Some(position);
        }
    }

    /// Applies batches until a member's sum is this.
    pub(crate) async fn reach(&mut self, rig: &TrackerRig, member: u32, uploaded: u64) {
        eventually(&format!("{uploaded} bytes are reported"), async || {
            self.take_all(rig).await;
            (self.uploaded.get(&member) == Some(&uploaded)).then_some(())
        })
        .await;
    }
}

fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

#[tokio::test]
async fn a_batch_stays_the_same_until_it_is_acknowledged() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let before = wall_seconds();
    let mut client = tracker.client(member, 1).on(hash);
    client.announce().await;
    let first = next_batch(&rig, None).await;
    let [report] = first.1[..] else { panic!("{first:?}") };
    // The tracker's clock is cut to whole seconds.
    assert!((before - 1..=wall_seconds() + 1).contains(&report.seen), "{report:?}");
    let expected = Report { member, torrent: 1, left: 100, seen: report.seen, ..Report::default() };
    assert_eq!(report, expected);

    client.request.uploaded = 5;
    client.request.downloaded = 7;
    client.request.left = Some(0);
    client.announce_event(Event::Completed).await;
    client.request.uploaded = 8;
    client.announce_event(Event::None).await;
    assert_eq!(batch(&rig, None).await, first);
    let elsewhere = Position { epoch: first.0.epoch ^ 1, seq: first.0.seq };
    assert_eq!(batch(&rig, Some(elsewhere)).await, first);
    assert_eq!(batch(&rig, None).await, first);

    let second = next_batch(&rig, Some(first.0)).await;
    assert_eq!(second.0, Position { seq: first.0.seq + 1, ..first.0 });
    let mut reports = second.1;
    let mut last = second.0;
    // The batch may have been taken between the two announces.
    while reports.iter().map(|report| report.uploaded).sum::<u64>() < 8 {
        let (position, more) = next_batch(&rig, Some(last)).await;
        last = position;
        reports.extend(more);
    }
    let mut sum = reports[0];
    reports[1..].iter().for_each(|report| sum.add(report));
    let seconds = Report { seen: sum.seen, seeded: sum.seeded, leeched: sum.leeched, ..Report::default() };
    let expected =
        Report { member, torrent: 1, uploaded: 8, downloaded: 7, snatched: true, left: 0, ..seconds };
    assert_eq!(sum, expected);
    assert_eq!(batch(&rig, Some(last)).await.1, []);
    assert_eq!(batch(&rig, Some(first.0)).await.1, []);
}

#[tokio::test]
async fn a_member_has_stopped_when_none_of_their_clients_is_left() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut here = tracker.client(member, 1).on(hash);
    let mut there = tracker.client(member, 2).on(hash).seeding();
    here.announce().await;
    there.announce().await;
    there.announce_event(Event::Stopped).await;
    let (position, reports) = eventually("the stop is reported", async || {
        Some(next_batch(&rig, None).await).filter(|(_, reports)| reports[0].left == 0)
    })
    .await;
    assert!(reports.len() == 1 && !reports[0].stopped, "{reports:?}");
    here.announce_event(Event::Stopped).await;
    let (position, reports) = next_batch(&rig, Some(position)).await;
    assert!(reports.len() == 1 && reports[0].stopped, "{reports:?}");
    // The peer is not in the swarm.
    here.announce_event(Event::Stopped).await;
    let (_, reports) = batch(&rig, Some(position)).await;
    assert_eq!(reports, []);
}

#[tokio::test]
async fn what_was_moved_of_a_deleted_torrent_is_reported() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut client = tracker.client(member, 1).on(hash);
    client.announce().await;
    client.request.uploaded = 5;
    client.announce().await;
    rig.execute("delete from torrents").await;
    client.refused_with("Unregistered torrent").await;
    AppliedReports::default().reach(&rig, member, 5).await;
}

#[tokio::test]
async fn reports_beyond_max_reports_are_lost_and_logged_once() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["maxReports"] = 1.into();
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(robin, 1).on(hash).announce().await;
    let first = next_batch(&rig, None).await;
    let warnings = || tracker.log().matches("raise maxReports").count();
    let mut client = tracker.client(jay, 2).on(hash);
    eventually("there is no room for another report", async || {
        client.request.uploaded += 1;
        client.announce().await;
        (warnings() > 0).then_some(())
    })
    .await;
    assert_eq!(batch(&rig, None).await, first);
    let (_, reports) = eventually("there is room again", async || {
        client.announce().await;
        Some(batch(&rig, Some(first.0)).await).filter(|(_, reports)| !reports.is_empty())
    })
    .await;
    assert_eq!((reports.len(), reports[0].member, warnings()), (1, jay, 1));
}
