//! Accounting from the announce to the sums in a database, through everything that can go wrong between them.
//!
//! Real are the swarms, the outbox, the frames, the restart file's bytes and the rule by which batches are applied.
//! Made up are what carries them, which loses, repeats and delays, the database, and the processes, which stop or die.

mod reference;
mod world;

use bt::announce::Event;
use proptest::prelude::*;
use world::World;

/// Bytes that a peer can move in a second.
const BYTES_PER_SECOND: u64 = 1000;

/// Seconds after which a silent peer does not come back.
const TIMEOUT: u32 = 3000;

/// One announce of one client; counters grow by what is said, or begin again with it.
#[derive(Debug, Clone, Copy)]
struct Announce {
    member: u32,
    torrent: usize,
    client: u32,
    uploaded: u64,
    downloaded: u64,
    begins_again: bool,
    left: u64,
    event: Event,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Announce(Announce),
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

fn announces() -> impl Strategy<Value = Step> {
    let who = (1..4_u32, 0..2_usize, 0..3_u32);
    let counters = (0..40_000_u64, 0..40_000_u64, prop::bool::weighted(0.1));
    (who, counters, any::<bool>(), 0..10_u8).prop_map(|(who, counters, seeds, event)| {
        let (member, torrent, client) = who;
        let (uploaded, downloaded, begins_again) = counters;
        let event = match event {
            0 => Event::Stopped,
            1 => Event::Completed,
            2 => Event::Paused,
            3 => Event::Started,
            _ => Event::None,
        };
        let left = if seeds || event == Event::Completed { 0 } else { 1 << 20 };
        Step::Announce(Announce { member, torrent, client, uploaded, downloaded, begins_again, left, event })
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => announces(),
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
        prop_assert_eq!(&world.snatches(), &world.reference.snatches());
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
