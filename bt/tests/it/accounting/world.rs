//! The simulation: a tracker, a webapi and a database, and what happens to them.

use std::collections::BTreeMap;

use bt::announce::Event;
use bt::messages::control::{Answer, Request};
use bt::messages::counts::Position;
use bt::messages::report::{Outbox, Report};
use bt::restart::{Section, SwarmHead, Writer, read_all};
use bt::swarm::{Claim, Claims, PeerBuffer, Rules, StoredPeer, Swarm};

use super::client::{Client, Message, families, pair};
use super::database::Database;
use super::reference::{Copy, Reference};
use super::{Announce, Step, TIMEOUT, Who};

const RULES: Rules = Rules { peers_per_member: 10, bytes_per_second: u64::MAX };

/// What the tracker has in memory.
struct Tracker {
    swarms: [Swarm; 2],
    claims: Claims,
    /// Reports that wait to be gathered.
    reports: Vec<Report>,
    outbox: Outbox,
    /// Second 0 of its clock, in seconds since 1970.
    started: u64,
}

pub(super) struct World {
    now: u64,
    tracker: Tracker,
    /// Starts of the tracker.
    epochs: u64,
    clients: BTreeMap<Who, Client>,
    /// Announces, and when they arrive.
    under_way: Vec<(u64, Message)>,
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
        Self {
            swarms,
            claims: Claims::default(),
            reports: Vec::new(),
            outbox: Outbox::new(epoch, 1000),
            started: now,
        }
    }

    fn clock(&self, now: u64) -> u32 {
        u32::try_from(now - self.started).expect("short")
    }

    fn announce(&mut self, message: &Message, now: u64) {
        let (seen, now) = (now, self.clock(now));
        let announcement = message.announcement();
        let swarm = &mut self.swarms[message.who.1];
        let mut rng = fastrand::Rng::with_seed(0);
        let mut peers = PeerBuffer::default();
        let mut outcome = swarm.announce(&announcement, &RULES, now, &mut rng, |_| 0, &mut peers);
        let (_, torrent) = message.pair();
        self.claims.observe(torrent, &announcement, &mut outcome, now);
        self.reports.extend(Report::of(torrent, &announcement, &outcome, swarm, seen));
    }

    fn gather(&mut self, now: u64) {
        let (now, started, reports) = (self.clock(now), self.started, &mut self.reports);
        self.claims.take_due(now, |claim| reports.push(report_of_claim(&claim, started)));
        for report in self.reports.drain(..) {
            assert!(self.outbox.add(&report));
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
            let head = SwarmHead { info_hash: [number; 20].into(), snatched: 0 };
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
                    for peer in peers {
                        let idle = peer.idle + away;
                        let back =
                            idle <= TIMEOUT && swarm.restore(&StoredPeer { idle, ..peer }, clock, exact);
                        assert_eq!(back, idle <= TIMEOUT);
                    }
                }
                other => panic!("{other:?}"),
            }
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
            clients: BTreeMap::new(),
            under_way: Vec::new(),
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
            Step::Start { who, says_so, late } => self.begin(who, says_so, late),
            Step::Stop(who) => self.end(who),
            Step::Wait(seconds) => self.wait(self.now + u64::from(seconds)),
            Step::Gather => self.gather(),
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

    /// Asserts that nothing counts more than it may.
    pub(super) fn check(&self) {
        self.reference.check(&self.database.transfers);
    }

    /// Lets all that waits arrive.
    pub(super) fn settle(&mut self) {
        self.wait(self.now + u64::from(Claims::WAIT));
        self.gather();
        for _ in 0..=self.tracker.outbox.batches() {
            self.take(Step::Ask);
        }
        self.take(Step::Ask);
        assert!(self.tracker.outbox.is_empty());
    }

    /// Members who finished a download, of each torrent that has any: as the database counts them, and as it must.
    pub(super) fn snatches(&self) -> [BTreeMap<u32, usize>; 2] {
        let mut expected = BTreeMap::new();
        for ((_, torrent), _) in self.reference.transfers.iter().filter(|(_, it)| it.sums.snatched) {
            *expected.entry(*torrent).or_default() += 1;
        }
        [self.database.snatched.clone(), expected]
    }

    fn gather(&mut self) {
        self.tracker.gather(self.now);
        self.reference.gather(self.now);
    }

    fn announce(&mut self, announce: &Announce) {
        let who = announce.who;
        if !self.client(who).runs {
            match self.reference.session(pair(who), who.2) {
                Some(_) => return self.begin(who, true, announce.late),
                None => self.client(who).begin(),
            }
        }
        let [has_v4, has_v6] = families(who);
        let client = self.client(who);
        client.uploaded += announce.uploaded;
        client.downloaded += announce.downloaded;
        if announce.finishes {
            client.left = 0;
        }
        let mut message = client.announce(who, announce.event, has_v6 && (announce.over_v6 || !has_v4));
        // Over each family, a client waits until it has an answer to its `started`.
        message.over_v6 ^= self
            .under_way
            .iter()
            .any(|(_, it)| (it.who, it.event, it.over_v6) == (who, Event::Started, message.over_v6));
        self.send(message, announce.late);
        if let Some(seconds) = announce.again {
            self.send(message, seconds);
        }
    }

    /// A client begins to count anew.
    fn begin(&mut self, who: Who, says_so: bool, late: u32) {
        let [has_v4, mut over_v6] = families(who);
        over_v6 &= !has_v4;
        self.under_way.retain(|(_, message)| message.who != who);
        if let Some(known) = self.reference.session(pair(who), who.2).copied() {
            if known.uploaded == 0 {
                // It crashed before it moved anything, which cannot be told from going on.
                return;
            }
            over_v6 = !known.families[0];
            if !says_so {
                self.wait(self.now.max(known.seen + 121));
            }
        }
        let event = if says_so { Event::Started } else { Event::None };
        let client = self.client(who);
        client.begin();
        let first = client.announce(who, event, over_v6);
        self.send(first, 0);
        if says_so && families(who) == [true; 2] {
            self.send(Message { over_v6: !over_v6, ..first }, late);
        }
    }

    /// A client stops, over each of its families, and waits no more for answers.
    fn end(&mut self, who: Who) {
        if !self.client(who).runs {
            return;
        }
        self.under_way.retain(|(_, message)| message.who != who);
        let last = self.client(who).announce(who, Event::Stopped, false);
        for (over_v6, has) in [false, true].into_iter().zip(families(who)) {
            if has {
                self.send(Message { over_v6, ..last }, 0);
            }
        }
        self.client(who).runs = false;
    }

    fn client(&mut self, who: Who) -> &mut Client {
        self.clients.entry(who).or_default()
    }

    fn send(&mut self, message: Message, late: u32) {
        self.under_way.push((self.now + u64::from(late), message));
        self.wait(self.now);
    }

    /// Lets the time come to `until`.
    fn wait(&mut self, until: u64) {
        self.under_way.sort_by_key(|(at, _)| *at);
        while let Some((at, message)) = self.under_way.first().copied().filter(|(at, _)| *at <= until) {
            self.under_way.remove(0);
            self.now = at;
            self.tracker.announce(&message, at);
            self.reference.arrive(&message, at);
        }
        self.now = until;
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
        self.gather();
        self.file = Some((self.tracker.save(self.now), self.reference.copy()));
    }

    fn start(&mut self, seconds: u32) {
        self.now += u64::from(seconds);
        // Nobody was there.
        self.under_way.retain(|(at, _)| *at > self.now);
        self.epochs += 1;
        self.tracker = Tracker::start(self.epochs, self.now);
    }

    fn restart(&mut self, seconds: u32) {
        let (started, reports) = (self.tracker.started, &mut self.tracker.reports);
        self.tracker.claims.take_all(|claim| reports.push(report_of_claim(&claim, started)));
        self.reference.gather(u64::MAX);
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
        self.under_way.clear();
        let (file, copy) = self.file.clone().unwrap_or_default();
        if !file.is_empty() {
            self.tracker.restore(&file, self.now, false);
        }
        self.reference.kill(&copy, &self.database.transfers, self.now);
        // Of those that began anew after the copy, only what they do from their next beginning on is compared.
        for (who, client) in &mut self.clients {
            let known = self.reference.session(pair(*who), who.2);
            client.runs &= known.is_none_or(|it| it.number == client.session);
        }
    }
}

fn report_of_claim(claim: &Claim, started: u64) -> Report {
    Report::of_claim(claim, started + u64::from(claim.at))
}

fn pick(messages: &[Vec<Vec<u8>>], which: usize) -> Option<Vec<Vec<u8>>> {
    messages.get(which.checked_rem(messages.len())?).cloned()
}
