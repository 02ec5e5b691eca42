//! Accounting from the announce to the sums in a database, through everything that can go wrong between them.
//!
//! The clients know what they moved, how often they began anew and in which order they announced; the tracker has to
//! find out from announces that come late, more than once, and over both families.
//!
//! Swarms, reports, outbox, frames, the restart file's bytes and the rule by which batches are applied are the real
//! ones. The network, which loses, repeats and delays, the database, and the processes, which stop or die, are
//! simulated.

mod client;
mod database;
mod reference;
mod world;

use bt::announce::Event;
use proptest::prelude::*;
use world::World;

/// Seconds after which a silent peer does not come back.
const TIMEOUT: u32 = 3000;

/// Seconds that an announce is under way at most: fewer than the tracker allows for.
const LATEST: u32 = 110;

/// Member, torrent, and which of the member's clients: the first has IPv4, the second IPv6, the third both.
type Who = (u32, usize, u32);

/// One announce of one client, which has moved so much since its last one.
#[derive(Debug, Clone, Copy)]
struct Announce {
    who: Who,
    uploaded: u64,
    downloaded: u64,
    /// Has everything from now on.
    finishes: bool,
    /// `completed` only where it finishes.
    event: Event,
    over_v6: bool,
    /// Seconds under way.
    late: u32,
    /// It arrives once more, after so many seconds.
    again: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Announce(Announce),
    /// A client starts, perhaps after a crash. It may not say `started`; over its other family it says so later.
    Start {
        who: Who,
        says_so: bool,
        late: u32,
    },
    Stop(Who),
    Wait(u32),
    /// The tracker takes what the swarms have to report.
    Gather,
    /// The webapi asks, and applies what it hears.
    Ask,
    LoseQuestion,
    LoseAnswer,
    /// An earlier question or answer arrives once more.
    RepeatQuestion(usize),
    RepeatAnswer(usize),
    /// The webapi forgets all but its database.
    RestartWebapi,
    /// The tracker writes a copy while it runs.
    Copy,
    /// The tracker stops and is back after so many seconds.
    Restart(u32),
    /// The tracker dies and is back after so many seconds.
    Kill(u32),
}

fn who() -> impl Strategy<Value = Who> {
    (1..4_u32, 0..2_usize, 0..3_u32)
}

fn seconds_under_way() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..LATEST]
}

fn announces() -> impl Strategy<Value = Step> {
    let way = (any::<bool>(), seconds_under_way(), prop::option::weighted(0.1, 0..LATEST));
    let moved = (1..40_000_u64, 0..40_000_u64, prop::bool::weighted(0.3), 0..4_u8);
    (who(), moved, way).prop_map(|(who, moved, way)| {
        let (uploaded, downloaded, finishes, event) = moved;
        let event = match event {
            0 => Event::Paused,
            1 | 2 if finishes => Event::Completed,
            _ => Event::None,
        };
        let (over_v6, late, again) = way;
        Step::Announce(Announce { who, uploaded, downloaded, finishes, event, over_v6, late, again })
    })
}

fn starts() -> impl Strategy<Value = Step> {
    (who(), any::<bool>(), seconds_under_way()).prop_map(|(who, says_so, late)| Step::Start {
        who,
        says_so,
        late,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => announces(),
        5 => starts(),
        4 => who().prop_map(Step::Stop),
        10 => (0..60_u32).prop_map(Step::Wait),
        10 => Just(Step::Gather),
        8 => Just(Step::Ask),
        2 => Just(Step::LoseQuestion),
        3 => Just(Step::LoseAnswer),
        2 => any::<usize>().prop_map(Step::RepeatQuestion),
        2 => any::<usize>().prop_map(Step::RepeatAnswer),
        2 => Just(Step::RestartWebapi),
        2 => Just(Step::Copy),
        2 => (0..900_u32).prop_map(Step::Restart),
    ]
}

fn steps_and_kills() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => steps(),
        1 => (0..900_u32).prop_map(Step::Kill),
    ]
}

fn run(steps: Vec<Step>) -> World {
    let mut world = World::new();
    for step in steps {
        world.take(step);
        world.check();
    }
    world.settle();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_repeated_or_restarted_everything_is_counted_once(
        steps in prop::collection::vec(steps(), 1..200),
    ) {
        let world = run(steps);
        prop_assert_eq!(&world.database.transfers, &world.reference.transfers);
        let [counted, expected] = world.snatches();
        prop_assert_eq!(counted, expected);
    }

    #[test]
    fn nothing_is_counted_twice_and_only_what_died_with_the_tracker_is_lost(
        steps in prop::collection::vec(steps_and_kills(), 1..200),
    ) {
        let world = run(steps);
        for (pair, transfer) in &world.reference.transfers {
            let stored = world.database.transfers.get(pair).copied().unwrap_or_default();
            prop_assert_eq!(stored.sums, transfer.sums, "{:?}", pair);
        }
    }
}
