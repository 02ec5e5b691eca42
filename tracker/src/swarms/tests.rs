use super::reporting::MAX_REPORTS;
use super::*;
use bt::announce::Event;
use bt::restart::{Section, Writer, read_all};

const RATE: MemberRate = MemberRate { bytes_per_second: 1 << 30, window: 3000 };

fn torrent(number: u8, snatched: u32) -> Torrent {
    Torrent { id: number.into(), info_hash: [number; 20].into(), snatched }
}

fn announcement(member: u32, left: u64, event: Event) -> Announcement {
    Announcement {
        member,
        identity: 7,
        client: [7; 8],
        endpoint: ([192, 0, 2, 1], 6881).into(),
        uploaded: 0,
        downloaded: 0,
        left: Some(left),
        event,
        numwant: 50,
    }
}

fn announce(swarms: &Swarms, torrent: &Torrent, member: u32, left: u64, event: Event, now: u32) {
    // A client that announces `completed` has downloaded the last bytes: a snatch needs a download that has grown.
    let downloaded = u64::from(left == 0 && event == Event::Completed);
    let announcement = Announcement { downloaded, ..announcement(member, left, event) };
    let mut rng = fastrand::Rng::with_seed(1);
    let mut peers = PeerBuffer::default();
    swarms
        .announce(torrent, || true, &announcement, &Budget::default(), now, (&mut rng, &mut peers))
        .expect("the torrent exists");
}

fn numbers(records: &[counts::Record]) -> Vec<(u8, u32, u32, u32)> {
    let mut numbers: Vec<_> =
        records.iter().map(|it| (it.info_hash.as_bytes()[0], it.seeders, it.leechers, it.snatched)).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_change_is_published_once_with_the_latest_numbers() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 5), 1, 10, Event::Started, 0);
    announce(&swarms, &torrent(1, 5), 2, 0, Event::Started, 0);
    announce(&swarms, &torrent(2, 0), 2, 0, Event::Started, 0);
    assert_eq!(numbers(&swarms.take_changed()), [(1, 1, 1, 5), (2, 1, 0, 0)]);
    announce(&swarms, &torrent(1, 5), 1, 5, Event::None, 0);
    assert_eq!(numbers(&swarms.take_changed()), []);
}

#[tokio::test]
async fn an_expired_swarm_is_published_as_empty_and_forgotten() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 0), 1, 10, Event::Started, 0);
    announce(&swarms, &torrent(2, 4), 1, 10, Event::Started, 0);
    swarms.take_changed();
    swarms.expire(100, 100).await;
    assert_eq!(numbers(&swarms.take_changed()), []);
    swarms.expire(101, 100).await;
    assert_eq!(numbers(&swarms.take_changed()), [(1, 0, 0, 0), (2, 0, 0, 4)]);
    assert_eq!(numbers(&swarms.snapshot()), []);
    assert_eq!([1, 2].map(|shard| swarms.shards[shard].lock().swarms.len()), [0, 0]);
    assert_eq!(swarms.counts(&torrent(2, 5)).snatched, 5);
}

#[tokio::test]
async fn all_of_a_large_swarm_and_of_many_small_ones_is_visited() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    for member in 0..3 * u32::try_from(STEPS).expect("small") {
        announce(&swarms, &torrent(1, 0), member, 10, Event::Started, 0);
    }
    for second in 0..=255 {
        let mut hash = [1; 20];
        hash[1] = second;
        hash[2] = 2;
        announce(&swarms, &Torrent { id: 1, info_hash: hash.into(), snatched: 0 }, 1, 0, Event::Started, 0);
    }
    swarms.remove_member(1).await;
    assert_eq!(swarms.peers(None, 0, 0).0, 3 * 1024 - 1);
    swarms.expire(101, 100).await;
    assert_eq!(swarms.peers(None, 10, 0), (0, Vec::new()));
    swarms.take_changed();
    assert_eq!(swarms.shards[1].lock().swarms.len(), 0);
}

#[test]
fn a_deleted_torrent_is_published_as_empty_and_not_made_again() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 4), 1, 0, Event::Started, 0);
    swarms.take_changed();
    swarms.remove([1; 20].into());
    swarms.remove([1; 20].into());
    assert_eq!(numbers(&swarms.take_changed()), [(1, 0, 0, 0)]);
    assert_eq!(numbers(&swarms.snapshot()), []);
    let announcement = announcement(1, 0, Event::Started);
    let mut rng = fastrand::Rng::with_seed(1);
    let into = (&mut rng, &mut PeerBuffer::default());
    assert_eq!(swarms.announce(&torrent(1, 4), || false, &announcement, &Budget::default(), 0, into), None);
}

#[test]
fn a_changed_number_of_snatches_is_published_even_without_peers() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 4), 1, 0, Event::Started, 0);
    swarms.take_changed();
    swarms.set_snatched(&torrent(1, 4));
    assert_eq!(numbers(&swarms.take_changed()), []);
    for snatched in [5, 6] {
        swarms.set_snatched(&torrent(1, snatched));
        swarms.set_snatched(&torrent(2, snatched));
    }
    assert_eq!(numbers(&swarms.take_changed()), [(1, 1, 0, 6), (2, 0, 0, 6)]);
    assert_eq!(swarms.counts(&torrent(1, 6)).snatched, 6);
    assert_eq!(swarms.shards[2].lock().swarms.len(), 0);
}

#[test]
fn completed_of_an_unknown_peer_is_reported_later_unless_it_starts() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    for member in [1, 2] {
        announce(&swarms, &torrent(1, 0), member, 0, Event::Completed, 10);
    }
    announce(&swarms, &torrent(1, 0), 2, 0, Event::Started, 10);
    assert!(gathered(&swarms).0.iter().all(|report| !report.snatched));
    let mut reports = Vec::new();
    swarms.take_reports(10 + Claims::WAIT, |some, _| reports.extend_from_slice(some));
    let claim = Report { member: 1, torrent: 1, seen: 10, snatched: true, ..Report::default() };
    assert_eq!(reports, [claim]);
    announce(&swarms, &torrent(1, 0), 3, 0, Event::Completed, 20);
    swarms.confirm_claims();
    let last = gathered(&swarms).0.pop();
    assert_eq!(last, Some(Report { member: 3, seen: 20, ..claim }), "the process stops");
}

#[test]
fn bytes_beyond_a_members_rate_are_dropped_and_marked_as_clamped() {
    let rate = MemberRate { bytes_per_second: 1000, window: 1 };
    let (swarms, budget) = (Swarms::new(Rules::default(), rate, 0), Budget::default());
    for (now, uploaded) in [(0, 0), (10, 900)] {
        for number in 1..=3 {
            let announcement = Announcement { uploaded, ..announcement(1, 0, Event::None) };
            let into = (&mut fastrand::Rng::with_seed(1), &mut PeerBuffer::default());
            swarms
                .announce(&torrent(number, 0), || true, &announcement, &budget, now, into)
                .expect("the torrent exists");
        }
    }
    let reports = gathered(&swarms).0.into_iter().filter(|report| report.seen == 10);
    let counted: Vec<_> = reports.map(|report| (report.uploaded, report.clamped)).collect();
    assert_eq!(counted, [(900, false), (100, true), (0, true)]);
}

fn gathered(swarms: &Swarms) -> (Vec<Report>, u64) {
    let mut all = (Vec::new(), 0);
    swarms.take_reports(0, |reports, lost| {
        all.0.extend_from_slice(reports);
        all.1 += lost;
    });
    all
}

#[test]
fn every_announce_is_reported_but_a_stop_of_an_unknown_peer() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 0), 5, 10, Event::Started, 3);
    announce(&swarms, &torrent(2, 0), 5, 0, Event::None, 4);
    announce(&swarms, &torrent(1, 0), 5, 0, Event::Completed, 9);
    announce(&swarms, &torrent(1, 0), 6, 0, Event::Stopped, 9);
    announce(&swarms, &torrent(2, 0), 5, 0, Event::Stopped, 9);
    let report = |torrent, seen, left| Report { member: 5, torrent, seen, left, ..Report::default() };
    let expected = [
        report(1, 3, 10),
        Report { leeched: 6, downloaded: 1, snatched: true, ..report(1, 9, 0) },
        report(2, 4, 0),
        Report { seeded: 5, stopped: true, ..report(2, 9, 0) },
    ];
    assert_eq!(gathered(&swarms), (expected.to_vec(), 0));
    assert_eq!(gathered(&swarms), (Vec::new(), 0));
}

#[test]
fn a_shard_that_nobody_gathers_from_loses_reports_and_says_how_many() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    for _ in 0..MAX_REPORTS + 5 {
        announce(&swarms, &torrent(1, 0), 1, 10, Event::Started, 0);
    }
    let (reports, lost) = gathered(&swarms);
    assert_eq!((reports.len(), lost), (MAX_REPORTS, 5));
    announce(&swarms, &torrent(1, 0), 1, 10, Event::None, 0);
    assert_eq!(gathered(&swarms).0.len(), 1);
}

#[test]
fn peers_are_restored_with_their_silence_unless_it_is_too_long() {
    let swarms = Swarms::new(Rules::default(), RATE, 0);
    announce(&swarms, &torrent(1, 4), 1, 10, Event::Started, 100);
    announce(&swarms, &torrent(1, 4), 2, 0, Event::Started, 130);
    announce(&swarms, &torrent(1, 4), 2, 0, Event::Completed, 130);
    announce(&swarms, &torrent(2, 0), 3, 0, Event::Started, 150);
    let mut writer = Writer::default();
    swarms.export(&mut writer, 150, |_| Ok::<_, ()>(())).expect("nothing fails");
    writer.finish();

    let back = Swarms::new(Rules::default(), RATE, 0);
    let options = RestoreOptions { now: 7, away: 60, timeout: 80, exact: true, clients: swarms.clients() };
    let mut peers = 0;
    for section in read_all(writer.bytes()).expect("whole") {
        let Section::Swarm(head, stored) = section else { panic!("{section:?}") };
        peers += back.restore(&head, &stored, &options);
    }
    assert_eq!(peers, 2);
    assert_eq!(numbers(&back.take_changed()), [(1, 1, 0, 4), (2, 1, 0, 0)]);
    let (_, found) = back.peers(Some([1; 20].into()), 10, 7);
    assert_eq!((found[0].peer.member, found[0].peer.idle, found[0].peer.client), (2, 80, [7; 8]));
    // The session goes on.
    announce(&back, &torrent(1, 4), 2, 0, Event::None, 17);
    assert_eq!(gathered(&back).0[0].seeded, 90);
}
