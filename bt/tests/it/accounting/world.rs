//! A tracker, a webapi and a database, and what happens to them.

use std::collections::BTreeMap;

use bt::announce::Event;
use bt::control::{Answer, Request};
use bt::counts::Position;
use bt::report::{Outbox, Report, is_new};
use bt::restart::{Section, SwarmHead, Writer, read_all};
use bt::swarm::{Announcement, PeerBuffer, Rules, Stored, Swarm};

use super::reference::{Copy, Pair, Reference, Transfer};
use super::{Announce, BYTES_PER_SECOND, Step, TIMEOUT};

const RULES: Rules = Rules { peers_per_member: 10, bytes_per_second: BYTES_PER_SECOND };

/// What the tracker has in memory.
struct Tracker {
    swarms: [Swarm; 2],
    /// What the swarms have to report; `seen` is of the tracker's clock.
    reports: Vec<Report>,
    outbox: Outbox,
    /// The time of day at which its clock was 0.
    started: u64,
}

/// What survives everything.
#[derive(Default)]
pub(super) struct Database {
    pub(super) transfers: BTreeMap<Pair, Transfer>,
    applied: BTreeMap<u64, u64>,
}

pub(super) struct World {
    now: u64,
    tracker: Tracker,
    /// Starts of the tracker.
    epochs: u64,
    /// What each client has moved, as it counts itself.
    counters: BTreeMap<(u32, usize, u32), (u64, u64)>,
    pub(super) database: Database,
    /// All that the webapi remembers.
    applied: Option<Position>,
    /// `FILE.running`, and what the reference knows of its moment.
    file: Option<(Vec<u8>, Copy)>,
    questions: Vec<Vec<Vec<u8>>>,
    answers: Vec<Vec<Vec<u8>>>,
    pub(super) reference: Reference,
}

impl Tracker {
    fn start(epoch: u64, now: u64) -> Self {
        let swarms = [Swarm::new(0), Swarm::new(0)];
        Self { swarms, reports: Vec::new(), outbox: Outbox::new(epoch, 1000), started: now }
    }

    fn clock(&self, now: u64) -> u32 {
        u32::try_from(now - self.started).expect("short")
    }

    fn announce(&mut self, a: &Announce, (uploaded, downloaded): (u64, u64), now: u64) {
        let now = self.clock(now);
        let announcement = Announcement {
            member: a.member,
            identity: a.client,
            client: [0; 8],
            endpoint: ([192, 0, 2, 1], 1000 + u16::try_from(a.client).expect("few")).into(),
            uploaded,
            downloaded,
            left: Some(a.left),
            event: a.event,
            numwant: 0,
        };
        let swarm = &mut self.swarms[a.torrent];
        let mut rng = fastrand::Rng::with_seed(0);
        let mut peers = PeerBuffer::default();
        let outcome = swarm.announce(&announcement, &RULES, now, &mut rng, |_| 0, &mut peers);
        if !outcome.known && a.event == Event::Stopped {
            return;
        }
        self.reports.push(Report {
            member: a.member,
            torrent: u32::try_from(a.torrent).expect("few"),
            uploaded: outcome.uploaded,
            downloaded: outcome.downloaded,
            left: outcome.left,
            seen: now.into(),
            seeded: outcome.seeded,
            leeched: outcome.leeched,
            snatched: outcome.snatched,
            stopped: a.event == Event::Stopped && !swarm.has_member(a.member),
            clamped: outcome.clamped,
        });
    }

    fn gather(&mut self) {
        for report in self.reports.drain(..) {
            assert!(self.outbox.add(&Report { seen: self.started + report.seen, ..report }));
        }
    }

    fn answer(&mut self, question: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let (id, request) = Request::decode(question).expect("a question");
        let Request::Reports { applied } = request else { panic!("{request:?}") };
        if let Some(applied) = applied {
            self.outbox.applied(applied);
        }
        let idle = self.outbox.position();
        let (position, reports) =
            self.outbox.hand_out().map_or((idle, Vec::new()), |(at, reports)| (at, reports.to_vec()));
        Answer::Reports { position, reports }.encode(id)
    }

    fn save(&self, now: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.saved(now);
        let mut last = None;
        while let Some((position, reports)) = self.outbox.export(last) {
            writer.reports(position, reports);
            last = Some(position);
        }
        for (number, swarm) in (0..).zip(&self.swarms) {
            let snatched = swarm.counts().snatched;
            let head = SwarmHead { info_hash: [number; 20].into(), snatched, loaded: 0 };
            writer.swarm(&head, swarm.export(0, usize::MAX, self.clock(now)));
        }
        writer.finish();
        writer.bytes().to_vec()
    }

    fn restore(&mut self, file: &[u8], now: u64, exact: bool) {
        let clock = self.clock(now);
        let mut away = 0;
        for section in read_all(file).expect("the file is whole") {
            match section {
                Section::Saved(at) => away = u32::try_from(now - at).expect("short"),
                Section::Reports(position, reports) => self.outbox.restore(position, reports),
                Section::Swarm(head, peers) => {
                    let swarm = &mut self.swarms[usize::from(head.info_hash.as_bytes()[0])];
                    swarm.raise_snatched(head.snatched);
                    for peer in peers {
                        let idle = peer.idle + away;
                        let back = idle <= TIMEOUT && swarm.restore(&Stored { idle, ..peer }, clock, exact);
                        assert_eq!(back, idle <= TIMEOUT);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Database {
    /// One transaction.
    fn apply(&mut self, position: Position, reports: &[Report]) {
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
            transfer.sums.snatched |= report.snatched;
            transfer.sums.clamped |= report.clamped;
            transfer.left = report.left;
            transfer.seen = report.seen;
            transfer.stopped = report.stopped;
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        // Clocks of a process begin at 0, the time of day does not.
        let now = 1_000_000;
        Self {
            now,
            tracker: Tracker::start(1, now),
            epochs: 1,
            counters: BTreeMap::new(),
            database: Database::default(),
            applied: None,
            file: None,
            questions: Vec::new(),
            answers: Vec::new(),
            reference: Reference::default(),
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Announce(announce) => self.announce(&announce),
            Step::Wait(seconds) => self.now += u64::from(seconds),
            Step::Gather => self.tracker.gather(),
            Step::Ask => {
                let question = self.question();
                let answer = self.answer(&question);
                self.hear(&answer);
            }
            Step::LoseQuestion => {
                self.question();
            }
            Step::LoseAnswer => {
                let question = self.question();
                self.answer(&question);
            }
            Step::RepeatQuestion(which) => {
                if let Some(question) = pick(&self.questions, which) {
                    self.answer(&question);
                }
            }
            Step::RepeatAnswer(which) => {
                if let Some(answer) = pick(&self.answers, which) {
                    self.hear(&answer);
                }
            }
            Step::RestartWebapi => self.applied = None,
            Step::Copy => self.copy(),
            Step::Restart(seconds) => self.restart(seconds),
            Step::Kill(seconds) => self.kill(seconds),
        }
    }

    /// Nothing may ever have too much.
    pub(super) fn check(&self) {
        self.reference.check(&self.database.transfers);
    }

    /// Lets all that waits arrive.
    pub(super) fn settle(&mut self) {
        self.tracker.gather();
        for _ in 0..=self.tracker.outbox.batches() {
            self.take(Step::Ask);
        }
        self.take(Step::Ask);
        assert!(self.tracker.outbox.is_empty());
    }

    /// Downloads finished as the swarms count them, of each torrent that has any.
    pub(super) fn snatches(&self) -> Vec<(u32, u32)> {
        let counts = (0..).zip(self.tracker.swarms.iter().map(|swarm| swarm.counts().snatched));
        counts.filter(|(_, snatched)| *snatched > 0).collect()
    }

    fn announce(&mut self, announce: &Announce) {
        let key = (announce.member, announce.torrent, announce.client);
        let counters = self.counters.entry(key).or_default();
        if announce.begins_again {
            *counters = (0, 0);
        }
        counters.0 += announce.uploaded;
        counters.1 += announce.downloaded;
        let pair = (announce.member, u32::try_from(announce.torrent).expect("few"));
        self.tracker.announce(announce, *counters, self.now);
        self.reference.announce(pair, announce, *counters, self.now);
    }

    fn question(&mut self) -> Vec<Vec<u8>> {
        let id = self.questions.len() as u64;
        let question = Request::Reports { applied: self.applied }.encode(id);
        self.questions.push(question.clone());
        question
    }

    fn answer(&mut self, question: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let answer = self.tracker.answer(question);
        self.answers.push(answer.clone());
        answer
    }

    fn hear(&mut self, answer: &[Vec<u8>]) {
        let (_, answer) = Answer::decode(answer).expect("an answer");
        let Answer::Reports { position, reports } = answer else { panic!("{answer:?}") };
        self.database.apply(position, &reports);
        self.applied = Some(position);
    }

    fn copy(&mut self) {
        self.tracker.gather();
        self.file = Some((self.tracker.save(self.now), self.reference.copy()));
    }

    fn start(&mut self, seconds: u32) {
        self.now += u64::from(seconds);
        self.epochs += 1;
        self.tracker = Tracker::start(self.epochs, self.now);
    }

    fn restart(&mut self, seconds: u32) {
        self.copy();
        self.start(seconds);
        if let Some((file, _)) = &self.file {
            self.tracker.restore(file, self.now, true);
        }
        self.reference.restart(self.now);
    }

    fn kill(&mut self, seconds: u32) {
        self.start(seconds);
        // What it was saying has been heard by now, or will never be.
        self.answers.clear();
        let (file, copy) = self.file.clone().unwrap_or_default();
        if !file.is_empty() {
            self.tracker.restore(&file, self.now, false);
        }
        self.reference.kill(&copy, &self.database.transfers, self.now);
    }
}

fn pick(messages: &[Vec<Vec<u8>>], which: usize) -> Option<Vec<Vec<u8>>> {
    messages.get(which.checked_rem(messages.len())?).cloned()
}
