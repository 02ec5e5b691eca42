use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::poll;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::process::Command;

use super::*;
use crate::enter::tests::{Who, alone, until};
use crate::network::Families;

/// A torrent of one file with five bytes.
const METAINFO: &[u8] =
    b"d4:infod6:lengthi5e4:name4:file12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";

/// What a program that only waits was told, by a client that the tests can look into.
#[derive(Clone, Default)]
struct Fake {
    /// What the program does; it waits where this is empty.
    script: String,
    answers: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<String>>>,
    /// Its session, which outlives its program.
    has: Arc<Mutex<Vec<InfoHash>>>,
    folder: Arc<Mutex<PathBuf>>,
}

/// Longer than the busiest machine takes: what a program did not do in time is never why a test fails.
const TIMEOUTS: Timeouts = {
    let long = Duration::from_mins(10);
    Timeouts { start: long, answer: long, order: long, interrupt: long, terminate: long }
};

/// A rate that it never says it has set.
const HANGS: u32 = 77;

/// Writes its number, and what it is told by Ctrl-C. Its first child must not outlive it.
const WAIT: &str = "echo $$ > pid; trap 'echo stopped > end; exit 0' INT; sleep 1000 & echo $! > child; wait";

impl Fake {
    fn new(answers: bool) -> Self {
        Self { answers: Arc::new(AtomicBool::new(answers)), ..Self::default() }
    }

    async fn start(&self, network: &Network, number: u16, folder: &Path) -> Node {
        let fake = self.clone();
        let client = move |setup: Setup| {
            *fake.folder.lock() = setup.folder;
            Box::new(fake) as Box<dyn Client>
        };
        let name = format!("fake-{number}");
        Node::start_with(client, TIMEOUTS, name, Kind::Aria2, network, number, folder, Some(10))
            .await
            .unwrap()
    }

    fn note(&self, words: impl Into<String>) {
        self.told.lock().push(words.into());
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock())
    }

    /// A process whose number its program wrote down.
    fn process(&self, file: &str) -> Pid {
        let file = self.folder.lock().join(file);
        let mut number = None;
        until("the program wrote its number", || {
            number = fs::read_to_string(&file).ok().and_then(|text| Pid::from_raw(text.trim().parse().ok()?));
            number.is_some()
        });
        number.unwrap()
    }
}

#[async_trait(?Send)]
impl Client for Fake {
    fn command(&mut self) -> anyhow::Result<Command> {
        let mut command = Command::new("sh");
        let script = if self.script.is_empty() { WAIT } else { &self.script };
        command.args(["-c", script]).env("NOTE", "noted").current_dir(&*self.folder.lock());
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        anyhow::ensure!(self.answers.load(Ordering::Acquire), "not yet");
        Ok("1.0".to_owned())
    }

    async fn add(&mut self, _metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let hash: InfoHash = folder.file_name().unwrap_or_default().to_string_lossy().parse()?;
        let mut has = self.has.lock();
        has.retain(|it| *it != hash);
        has.push(hash);
        self.note(format!("add {}", folder.join("file").exists()));
        Ok(())
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        self.has.lock().retain(|it| it != info_hash);
        self.note("remove");
        Ok(())
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        if rate == Some(HANGS) {
            return std::future::pending().await;
        }
        self.note(format!("throttle {rate:?}"));
        Ok(())
    }

    async fn scrape(&mut self, _: &[u8], _: &Path) -> anyhow::Result<()> {
        anyhow::bail!("it knows no tracker")
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let share = |hash: &InfoHash| Share { info_hash: hash.to_string(), sending: 7, ..Share::default() };
        Ok(self.has.lock().iter().map(share).collect())
    }
}

/// Runs `body` in a network namespace of its own, with a folder.
fn check(test: &str, body: impl AsyncFnOnce(Network, &Path)) {
    alone(&format!("node::tests::{test}"), Who::Myself, || {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::make(Families::Both).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(body(network, folder.path()));
    });
}

/// Waits until `orphan` has ended. The kernel gives a process whose parent has died to the first process of the PID
/// namespace, which is this one.
fn has_ended(orphan: Pid) {
    until("a program's own child has ended", || {
        waitpid(Some(orphan), WaitOptions::NOHANG).is_ok_and(|status| status.is_some())
    });
}

fn await_state(node: &Node, state: &State) {
    until(&format!("{state:?}"), || node.report().state == *state);
}

fn torrent(content: Option<PathBuf>) -> Order {
    Order::Add { metainfo: METAINFO.into(), content }
}

fn hash() -> InfoHash {
    Metainfo::parse(METAINFO, &Limits::default()).unwrap().hashes.canonical()
}

#[test]
fn a_program_is_stopped_started_and_killed_and_knows_its_torrents_again() {
    check("a_program_is_stopped_started_and_killed_and_knows_its_torrents_again", async |network, folder| {
        let fake = Fake::new(true);
        let node = fake.start(&network, 2, folder).await;
        assert_eq!(node.addresses, network.addresses(2));
        await_state(&node, &State::Running);
        assert_eq!(node.report().version.as_deref(), Some("1.0"));

        fs::write(folder.join("content"), "hello").unwrap();
        node.order(torrent(Some(folder.join("content")))).await.unwrap();
        assert_eq!(fake.told(), ["remove", "add true"]);
        let place = node.downloads().join(hash().to_string()).join("file");
        assert_eq!(fs::read(&place).unwrap(), b"hello");
        until("its share is known", || node.report().shares.len() == 1);
        assert_eq!(node.report().shares[0].sending, 7);

        let child = fake.process("child");
        node.order(Order::Stop).await.unwrap();
        assert_eq!(node.report().state, State::Stopped);
        assert_eq!(node.report().shares[0].sending, 0, "what is stopped sends nothing");
        assert!(fake.folder.lock().join("end").exists(), "it was told before it was killed");
        has_ended(child);

        node.order(Order::Throttle(None)).await.unwrap();
        node.order(Order::Start).await.unwrap();
        await_state(&node, &State::Running);
        assert_eq!(fake.told(), ["throttle None", "add true"]);
        node.order(Order::Kill).await.unwrap();
        assert_eq!(node.report().state, State::Dead("it was killed".to_owned()));

        node.order(Order::Remove(hash())).await.unwrap();
        assert!(!place.exists());
        node.order(Order::Start).await.unwrap();
        await_state(&node, &State::Running);
        assert_eq!(fake.told(), ["remove", "throttle None"], "its session is older than the order");

        for running in [true, false] {
            if !running {
                node.order(Order::Stop).await.unwrap();
            }
            node.order(torrent(Some(folder.join("content")))).await.unwrap();
        }
        assert_eq!(fake.told(), ["remove", "add true"]);
        node.order(Order::Start).await.unwrap();
        await_state(&node, &State::Running);
        assert_eq!(fake.told(), ["remove", "throttle None", "add true"], "it looks at its new content");

        node.end().await;
        assert_eq!(node.report().state, State::Stopped);
        assert!(node.order(Order::Start).await.is_err());
    });
}

#[test]
fn a_program_that_ends_by_itself_is_dead_and_its_log_says_why() {
    check("a_program_that_ends_by_itself_is_dead_and_its_log_says_why", async |network, folder| {
        let script = "echo one; echo two >&2; echo; echo three; echo $NOTE; exit 3".to_owned();
        let node = Fake { script, ..Fake::new(false) }.start(&network, 2, &folder.join("a")).await;
        await_state(&node, &State::Dead("exit status: 3: two / three / noted".to_owned()));
        node.order(torrent(None)).await.expect("it is given the torrent when it is started");

        let fake = Fake::new(true);
        let node = fake.start(&network, 3, &folder.join("b")).await;
        await_state(&node, &State::Running);
        let (program, child) = (fake.process("pid"), fake.process("child"));
        kill_process(program, Signal::KILL).unwrap();
        await_state(&node, &State::Dead("signal: 9 (SIGKILL)".to_owned()));
        has_ended(child);
    });
}

#[test]
fn what_is_ordered_while_a_program_starts_waits_until_it_answers() {
    check("what_is_ordered_while_a_program_starts_waits_until_it_answers", async |network, folder| {
        let fake = Fake::new(false);
        let node = fake.start(&network, 2, folder).await;
        let order = tokio::spawn({
            let node = node.clone();
            async move { node.order(torrent(None)).await }
        });
        node.order(Order::Cut).await.unwrap();
        assert!(!node.report().connected);
        node.order(Order::Restore).await.unwrap();
        assert!(node.report().connected);
        assert!(!order.is_finished());
        assert_eq!(node.report().state, State::Starting);

        fake.answers.store(true, Ordering::Release);
        order.await.unwrap().unwrap();
        assert_eq!(fake.told(), ["add false"]);
    });
}

#[test]
fn a_program_that_does_not_answer_is_ended_all_the_same() {
    check("a_program_that_does_not_answer_is_ended_all_the_same", async |network, folder| {
        let fake = Fake::new(true);
        let node = fake.start(&network, 2, folder).await;
        await_state(&node, &State::Running);
        let child = fake.process("child");
        let mut order = pin!(node.order(Order::Throttle(Some(HANGS))));
        assert!(poll!(&mut order).is_pending());
        node.end().await;
        assert_eq!(node.report().state, State::Stopped);
        assert!(order.await.is_err(), "it was given up");
        has_ended(child);
    });
}

#[test]
fn bad_metainfo_is_refused() {
    check("bad_metainfo_is_refused", async |network, folder| {
        let node = Fake::new(true).start(&network, 2, folder).await;
        let order = Order::Add { metainfo: b"nonsense".as_slice().into(), content: None };
        let error = node.order(order).await.unwrap_err();
        assert!(format!("{error:#}").starts_with("fake-2: "), "{error:#}");
        assert!(node.order(torrent(Some(folder.join("missing")))).await.is_err());
    });
}
