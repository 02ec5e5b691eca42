//! Recorded announces of real clients, replayed: what each is credited with. See `tests/recordings/README.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bt::announce::{Event, NumWant, Request};
use bt::swarm::{Claims, IdentityKey, PeerBuffer, Rules, Swarm};

/// Bytes of the torrent of all recordings.
const SIZE: u64 = 4 << 20;

/// What a member is credited with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    uploaded: u64,
    downloaded: u64,
    seeded: u32,
    leeched: u32,
    snatched: bool,
    clamped: bool,
    /// `left` at the last announce.
    left: u64,
}

/// The sums of each member, by the name in the recording. The `(line, line)` of `swapped` arrive in the other order.
fn replay(recording: &str, swapped: Option<(usize, usize)>) -> BTreeMap<&str, Sums> {
    let mut lines: Vec<&str> = recording.lines().filter(|line| !line.starts_with('#')).collect();
    if let Some((a, b)) = swapped {
        lines.swap(a, b);
    }
    let names = ["leecher", "seeder"];
    let (mut swarm, mut claims, key) = (Swarm::new(0), Claims::default(), IdentityKey::new(&[7; 32]));
    let mut peers = PeerBuffer::default();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    for line in lines {
        let mut words = line.splitn(3, ' ');
        let [at, name, query] = [(); 3].map(|()| words.next().expect("three words"));
        let seconds = at.split('.').next().expect("a second");
        let now: u32 = seconds.parse().expect("a number");
        let member = names.iter().position(|it| *it == name).expect("a known name");
        let member = u32::try_from(member).expect("few");
        let request = Request::parse(query.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
        let ip = [192, 0, 2, u8::try_from(member).expect("few")].into();
        let announcement = request.announcement(member, &key, ip, NumWant::default());
        claims.take_due(now, |claim| sums.entry(names[claim.member as usize]).or_default().snatched = true);
        let mut outcome = swarm.announce(&announcement, &Rules::default(), now, &mut rng, |_| 1, &mut peers);
        claims.observe(1, &announcement, &mut outcome, now);
        let sum = sums.entry(name).or_default();
        sum.uploaded += outcome.uploaded;
        sum.downloaded += outcome.downloaded;
        sum.seeded += outcome.seeded;
        sum.leeched += outcome.leeched;
        sum.snatched |= outcome.snatched;
        sum.clamped |= outcome.clamped;
        sum.left = outcome.left;
        if request.event == Event::Stopped {
            assert!(!swarm.has_member(member), "{line}");
        }
    }
    claims.take_all(|claim| sums.entry(names[claim.member as usize]).or_default().snatched = true);
    sums
}

/// A client that downloads has a snatch and its bytes; one that has everything from the beginning has no snatch.
#[track_caller]
fn check(sums: &BTreeMap<&str, Sums>, uploaded: u64) {
    let (leecher, seeder) = (sums["leecher"], sums["seeder"]);
    assert_eq!(leecher.downloaded, SIZE, "{leecher:?}");
    assert!(leecher.snatched && !leecher.clamped && leecher.left == 0, "{leecher:?}");
    assert!(leecher.leeched > 0, "{leecher:?}");
    assert!(!seeder.snatched && !seeder.clamped && seeder.left == 0, "{seeder:?}");
    assert_eq!((seeder.uploaded, seeder.downloaded), (uploaded, 0), "{seeder:?}");
    assert!(seeder.seeded > 0, "{seeder:?}");
}

#[test]
fn aria2_is_accounted_for_what_it_moved() {
    check(&replay(include_str!("../recordings/aria2.txt"), None), SIZE);
}

#[test]
fn libtorrent_is_accounted_for_what_it_moved() {
    check(&replay(include_str!("../recordings/libtorrent.txt"), None), SIZE);
}

#[test]
fn transmission_is_accounted_for_what_it_moved() {
    check(&replay(include_str!("../recordings/transmission.txt"), None), 4_197_632);
}

#[test]
fn qbittorrent_is_accounted_for_what_it_moved() {
    check(&replay(include_str!("../recordings/qbittorrent.txt"), None), 0);
}

#[test]
fn rtorrent_is_accounted_for_what_it_moved() {
    check(&replay(include_str!("../recordings/rtorrent.txt"), None), 540_672);
}

/// `started` before the files are checked, which find everything.
#[test]
fn ctorrent_that_finds_everything_on_the_disk_has_no_snatch() {
    check(&replay(include_str!("../recordings/ctorrent.txt"), None), 294_912);
}

/// `started` and `completed` at once, in either order, and a `stopped` without counters.
#[test]
fn webtorrent_that_seeds_what_it_has_has_no_snatch() {
    let recording = include_str!("../recordings/webtorrent.txt");
    let lines: Vec<&str> = recording.lines().filter(|line| !line.starts_with('#')).collect();
    let place = |event: &str| lines.iter().rposition(|line| line.contains(event)).expect("an announce");
    let (started, completed) = (place("event=started"), place("event=completed"));
    assert_eq!(completed, started + 1);
    for swapped in [None, Some((started, completed))] {
        check(&replay(recording, swapped), 4_198_924);
    }
}

/// Neither `completed` nor `stopped`.
#[test]
fn rqbit_has_a_snatch_where_it_fetched_only() {
    check(&replay(include_str!("../recordings/rqbit.txt"), None), SIZE);
}

#[test]
fn starting_completing_and_stopping_in_a_loop_fetches_nothing() {
    let mut recording = String::new();
    for round in 0..500 {
        for (event, left) in [("started", 100), ("completed", 0), ("stopped", 0)] {
            let seconds = f64::from(round) / 500.0;
            let _ = writeln!(
                recording,
                "{seconds:.3} leecher info_hash=%12%34Vx%9a%bc%de%f1%23Eg%89%ab%cd%ef%124Vx%9a&\
                 peer_id=-XX0001-{round:012}&port=1&uploaded=0&downloaded=0&left={left}&event={event}"
            );
        }
    }
    assert_eq!(replay(&recording, None)["leecher"], Sums::default());
}
