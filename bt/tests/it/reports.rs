//! The outbox and its bounds.

use bt::messages::counts::Position;
use bt::messages::report::{MAX_REPORTS, Outbox, Report};

fn report(member: u32, uploaded: u64) -> Report {
    Report { member, torrent: 1, uploaded, ..Report::default() }
}

fn handed_out(outbox: &mut Outbox) -> Option<(Position, Vec<Report>)> {
    outbox.hand_out().map(|(position, reports)| (position, reports.to_vec()))
}

#[test]
fn reports_of_a_pair_are_added_up_until_they_are_handed_out() {
    let mut outbox = Outbox::new(7, 10);
    assert_eq!(handed_out(&mut outbox), None);
    assert!(outbox.add(&report(1, 5)) && outbox.add(&report(2, 1)) && outbox.add(&report(1, 6)));
    let first = Position { epoch: 7, seq: 1 };
    let batch = Some((first, vec![report(1, 11), report(2, 1)]));
    assert_eq!(handed_out(&mut outbox), batch);
    assert!(outbox.add(&report(1, 3)));
    assert_eq!(handed_out(&mut outbox), batch);
    assert_eq!((outbox.len(), outbox.batches()), (3, 2));
    let second = Position { epoch: 7, seq: 2 };
    assert!(!outbox.applied(second) && !outbox.applied(Position { epoch: 8, seq: 1 }));
    assert!(outbox.applied(first) && !outbox.applied(first));
    assert_eq!(handed_out(&mut outbox), Some((second, vec![report(1, 3)])));
    assert!(outbox.applied(second) && outbox.is_empty());
    assert_eq!(outbox.position(), second);
}

#[test]
fn a_full_outbox_keeps_what_it_has_and_adds_to_it() {
    let mut outbox = Outbox::new(7, 2);
    assert!(outbox.add(&report(1, 1)) && outbox.add(&report(2, 1)));
    assert!(!outbox.add(&report(3, 1)));
    assert!(outbox.add(&report(1, 1)));
    assert_eq!((outbox.len(), outbox.dropped()), (2, 1));
    let (position, reports) = handed_out(&mut outbox).expect("a batch");
    assert_eq!(reports, [report(1, 2), report(2, 1)]);
    assert!(outbox.applied(position));
    assert!(outbox.add(&report(3, 1)));
}

#[test]
fn batches_hold_no_more_than_a_message() {
    let mut outbox = Outbox::new(7, usize::MAX);
    let count = u32::try_from(MAX_REPORTS).expect("few");
    for _ in 0..2 {
        (0..=count).for_each(|member| assert!(outbox.add(&report(member, 1))));
    }
    let (position, reports) = handed_out(&mut outbox).expect("a batch");
    assert!(reports.len() == MAX_REPORTS && reports.iter().all(|report| report.uploaded == 2));
    assert!(outbox.applied(position));
    assert_eq!(handed_out(&mut outbox), Some((Position { epoch: 7, seq: 2 }, vec![report(count, 2)])));
}

#[test]
fn batches_of_an_earlier_start_come_first_and_do_not_change() {
    let mut outbox = Outbox::new(7, 10);
    assert!(outbox.add(&report(1, 1)));
    let earlier = [Position { epoch: 3, seq: 8 }, Position { epoch: 3, seq: 9 }];
    outbox.restore(earlier[0], vec![report(1, 10)]);
    outbox.restore(earlier[1], vec![report(2, 20)]);
    outbox.restore(earlier[1], vec![report(2, 20)]);
    assert!(outbox.add(&report(1, 1)) && outbox.add(&report(2, 1)));
    assert_eq!((outbox.len(), outbox.batches()), (4, 3));

    let mut exported = Vec::new();
    let mut last = None;
    while let Some((position, reports)) = outbox.export(last) {
        exported.push((position, reports.to_vec()));
        last = Some(position);
    }
    let mut told = Vec::new();
    while let Some((position, reports)) = handed_out(&mut outbox) {
        told.push((position, reports));
        assert!(outbox.applied(position));
    }
    assert_eq!(told, exported);
    let own = Position { epoch: 7, seq: 1 };
    assert_eq!(
        told,
        [
            (earlier[0], vec![report(1, 10)]),
            (earlier[1], vec![report(2, 20)]),
            (own, vec![report(1, 2), report(2, 1)]),
        ]
    );
}
