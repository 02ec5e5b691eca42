//! rtorrent by XML-RPC over SCGI (seen with 0.9.8 on libtorrent-rakshasa 0.13.8).

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use bt::InfoHash;
use clients::rtorrent::quote;
use clients::xmlrpc::Value;
use clients::{Addition, Endpoint, Remote as _};
use tokio::process::Command;

use super::ledger::{Ledger, Moved, Rates};
use super::{Activity, Client, Link, Setup, Share, program};

/// Where it listens on its own loopback. The path of a unix socket could have 107 bytes at most.
const ADDRESS: &str = "127.0.0.1:5000";

pub(super) struct Rtorrent {
    setup: Setup,
    /// None until the program was started.
    remote: Option<clients::Rtorrent>,
    ledger: Ledger,
    /// Rates of the peers.
    rates: Rates,
    /// Torrents added since the program was started last.
    seen: Vec<InfoHash>,
}

impl Rtorrent {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, remote: None, ledger: Ledger::default(), rates: Rates::default(), seen: Vec::new() }
    }

    /// The whole `rtorrent.rc`.
    fn configuration(&self) -> anyhow::Result<String> {
        let port = self.setup.port;
        let session = self.setup.folder.join("session");
        let session = quote(session.to_str().context("the path of rtorrent's folder is not UTF-8")?);
        let mut text = format!(
            "system.daemon.set = true\n\
             network.scgi.open_port = {ADDRESS}\n\
             network.xmlrpc.size_limit.set = 16777215\n\
             session.path.set = {session}\n\
             session.use_lock.set = no\n\
             encoding.add = UTF-8\n\
             system.umask.set = 0022\n\
             network.port_range.set = {port}-{port}\n\
             network.port_random.set = no\n\
             dht.mode.set = disable\n\
             protocol.pex.set = no\n\
             protocol.encryption.set = allow_incoming,prefer_plaintext\n\
             system.file.allocate.set = 0\n\
             pieces.hash.on_completion.set = no\n\
             throttle.max_uploads.set = 30\n\
             throttle.max_uploads.global.set = 100\n"
        );
        // It binds to one address at most, of IPv4.
        if let [IpAddr::V4(address)] = self.setup.addresses[..] {
            writeln!(text, "network.bind_address.set = {address}")?;
        }
        let rate = self.setup.rate.unwrap_or(0);
        writeln!(text, "throttle.global_up.max_rate.set_kb = {rate}")?;
        writeln!(text, "throttle.global_down.max_rate.set_kb = {rate}")?;
        // After a `kill -9` it continues from its last save; by default it saves every 20 minutes.
        writeln!(text, "schedule2 = session_save, 10, 10, ((session.save))")?;
        writeln!(text, "method.set_key = event.download.finished, saved, ((d.save_full_session))")?;
        // It waits at least 600 s between announces, whatever the tracker asks for.
        writeln!(text, "schedule2 = announce, 20, 30, ((d.multicall2, started, \"d.tracker_announce=\"))")?;
        Ok(text)
    }

    fn remote(&self) -> anyhow::Result<&clients::Rtorrent> {
        self.remote.as_ref().context("rtorrent was not started")
    }

    /// Starts a torrent that it has. After a `kill -9` it knows the pieces of its last save; `look` has it check the disk, which
    /// may have more.
    async fn resume(&self, hash: &InfoHash, look: bool) -> anyhow::Result<()> {
        let remote = self.remote()?;
        let torrent = [spelled(hash).as_str().into()];
        if look && remote.call("d.complete", &torrent).await?.int() == 0 {
            remote.call("d.check_hash", &torrent).await?;
        }
        Ok(remote.start(hash).await?)
    }

    async fn load(&self, metainfo: &[u8], folder: &Path, paused: bool) -> anyhow::Result<()> {
        let folder = program::utf8(folder)?;
        self.remote()?.add(&Addition { metainfo, folder: &folder, label: None, paused }).await?;
        Ok(())
    }
}

#[async_trait(?Send)]
impl Client for Rtorrent {
    fn command(&mut self) -> anyhow::Result<Command> {
        self.setup.folder = std::path::absolute(&self.setup.folder)?;
        let mut command = program::command("rtorrent", &self.setup.folder)?;
        let session = self.setup.folder.join("session");
        fs::create_dir_all(&session).with_context(|| format!("cannot make {}", session.display()))?;
        let file = self.setup.folder.join("rtorrent.rc");
        fs::write(&file, self.configuration()?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        self.remote = Some(clients::Rtorrent::new(Endpoint::new(&format!("scgi://{ADDRESS}"), "", "")?)?);
        self.ledger.begin();
        self.seen.clear();
        command.args(["-n", "-o", "import=rtorrent.rc"]);
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        Ok(self.remote()?.version().await?)
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let hash = hash(metainfo)?;
        let known = self.remote()?.find(&hash).await?.is_some();
        let new = !self.seen.contains(&hash);
        if new {
            self.seen.push(hash);
        }
        if known { self.resume(&hash, new).await } else { self.load(metainfo, folder, false).await }
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        self.ledger.strike(&info_hash.to_string());
        self.seen.retain(|seen| seen != info_hash);
        Ok(self.remote()?.remove(info_hash, false).await?)
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        for method in ["throttle.global_up.max_rate.set_kb", "throttle.global_down.max_rate.set_kb"] {
            self.remote()?.call(method, &["".into(), Value::Int(rate.unwrap_or(0).into())]).await?;
        }
        Ok(())
    }

    /// It does not scrape within ten minutes after an announce whose answer had the numbers.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let hash = spelled(&hash(metainfo)?);
        self.load(metainfo, folder, true).await?;
        // The delay in seconds.
        self.remote()?.call("d.tracker.send_scrape", &[hash.as_str().into(), Value::Int(0)]).await?;
        program::until("the answer to rtorrent's scrape", async || {
            let arguments = [hash.as_str(), "", "t.scrape_counter="].map(Value::from);
            let answer = self.remote()?.call("t.multicall", &arguments).await?;
            Ok(answer.list().iter().filter_map(|tracker| tracker.list().first()).any(|count| count.int() > 0))
        })
        .await
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let mut arguments = vec!["".into(), "main".into()];
        arguments.extend(FIELDS.map(Value::from));
        let answer = self.remote()?.call("d.multicall2", &arguments).await?;
        let now = Instant::now();
        let shares = answer.list().iter().map(|row| {
            let mut share = share(row.list(), |peer, total| self.rates.rate(peer, total, now))?;
            let said = Moved { sent: share.sent, fetched: share.fetched };
            let (whole, rate) = self.ledger.enter(&share.info_hash, said, now);
            (share.sent, share.fetched) = (whole.sent, whole.fetched);
            (share.sending, share.fetching) = (rate.sent, rate.fetched);
            Ok(share)
        });
        let shares = shares.collect();
        self.rates.tidy(now);
        shares
    }
}

/// The hash by which rtorrent knows a torrent.
fn hash(metainfo: &[u8]) -> anyhow::Result<InfoHash> {
    program::read(metainfo)?.hashes.v1.context("rtorrent 0.9.8 reads no torrents of version 2")
}

/// A hash in rtorrent's spelling.
fn spelled(hash: &InfoHash) -> String {
    hash.to_string().to_uppercase()
}

/// What is asked of each torrent. Totals in place of rates, which are means of a minute, of half a minute for peers.
const FIELDS: [&str; 12] = [
    "d.hash=",
    "d.state=",
    "d.is_active=",
    "d.complete=",
    "d.hashing=",
    "d.message=",
    "d.completed_bytes=",
    "d.bitfield=",
    "d.up.total=",
    "d.down.total=",
    "p.multicall=,p.id=,p.address=,p.up_total=,p.down_total=",
    "t.multicall=,t.success_counter=,t.scrape_complete=,t.scrape_incomplete=",
];

/// Reads a row of the answer. `rate` computes a peer's rate from its total; the torrent's own rates stay 0.
fn share(row: &[Value], mut rate: impl FnMut(&str, Moved) -> Moved) -> anyhow::Result<Share> {
    ensure!(row.len() == FIELDS.len(), "d.multicall2: {} values instead of {}", row.len(), FIELDS.len());
    let info_hash = row[0].text().to_lowercase();
    let links = row[10].list().iter().filter_map(|peer| {
        let [id, address, sent, fetched] = peer.list() else { return None };
        let address = address.text().parse().ok()?;
        let total = Moved { sent: sent.count(), fetched: fetched.count() };
        let rate = rate(&format!("{info_hash} {}", id.text()), total);
        Some(Link { address, sending: rate.sent, fetching: rate.fetched })
    });
    let links = links.collect();
    let told = row[11].list().iter().find_map(|tracker| {
        let [answers, complete, incomplete] = tracker.list() else { return None };
        (answers.int() > 0).then_some(())?;
        Some((complete.int().try_into().ok()?, incomplete.int().try_into().ok()?))
    });
    Ok(Share {
        info_hash,
        activity: activity(row),
        done: row[6].count(),
        pieces: data_encoding::HEXUPPER_PERMISSIVE.decode(row[7].text().as_bytes()).unwrap_or_default(),
        sent: row[8].count(),
        fetched: row[9].count(),
        links,
        told,
        ..Share::default()
    })
}

fn activity(row: &[Value]) -> Activity {
    let set = |at: usize| row[at].int() != 0;
    clients::rtorrent::activity(set(4), set(2), set(3), row[5].text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(addresses: &[&str]) -> Rtorrent {
        Rtorrent::new(Setup {
            folder: "/a \"b\"".into(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            port: 6881,
            rate: Some(500),
        })
    }

    /// As 0.9.8 answered while it fetched 161 pieces from Transmission.
    fn row(changes: &[(usize, Value)]) -> Vec<Value> {
        let peer = [
            "2D5452333030302D3473336A3234696366743634".into(),
            "10.77.0.2".into(),
            Value::Int(0),
            Value::Int(9),
        ];
        let tracker = [1, 0, 1].map(Value::Int);
        let mut row = vec![
            "93A7394C92660A12A1244C6C26F8EFD23617ECC6".into(),
            Value::Int(1),
            Value::Int(1),
            Value::Int(0),
            Value::Int(0),
            "".into(),
            Value::Int(3_014_656),
            "00000110FFFF80000005000000A000000000000000".into(),
            Value::Int(131_072),
            Value::Int(3_086_846),
            Value::List(vec![Value::List(peer.into())]),
            Value::List(vec![Value::List(tracker.into())]),
        ];
        for (at, value) in changes {
            row[*at] = value.clone();
        }
        row
    }

    fn read(changes: &[(usize, Value)]) -> Share {
        share(&row(changes), |_, total| Moved { sent: total.sent, fetched: total.fetched * 2 }).unwrap()
    }

    #[test]
    fn a_row_is_a_share() {
        let share = read(&[]);
        assert_eq!(share.info_hash, "93a7394c92660a12a1244c6c26f8efd23617ecc6");
        assert_eq!(share.activity, Activity::Leeching);
        assert_eq!((share.done, share.sent, share.fetched), (3_014_656, 131_072, 3_086_846));
        assert_eq!((share.pieces.len(), &share.pieces[2..6]), (21, &[1, 0x10, 0xff, 0xff][..]));
        let link = Link { address: "10.77.0.2".parse().unwrap(), sending: 0, fetching: 18 };
        assert_eq!(share.links, [link]);
        assert_eq!(share.told, Some((0, 1)));
    }

    #[test]
    fn what_it_does_is_told_apart() {
        assert_eq!(read(&[(3, Value::Int(1))]).activity, Activity::Seeding);
        assert_eq!(read(&[(2, Value::Int(0)), (4, Value::Int(1))]).activity, Activity::Checking);
        let stopped = (2, Value::Int(0));
        assert_eq!(read(std::slice::from_ref(&stopped)).activity, Activity::Stopped);
        let tracker = "Tracker: [Timed out]";
        assert_eq!(read(&[stopped.clone(), (5, tracker.into())]).activity, Activity::Stopped);
        let disk = "Storage error: [File chunk write error: No space left on device.]";
        assert_eq!(read(&[stopped, (5, disk.into())]).activity, Activity::Failed(disk.to_owned()));
    }

    #[test]
    fn a_tracker_that_has_not_answered_told_nothing() {
        let silent = Value::List(vec![Value::List([0, 0, 0].map(Value::Int).into())]);
        assert_eq!(read(&[(11, silent)]).told, None);
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        assert!(share(&row(&[])[1..], |_, total| total).is_err());
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let text = client(&[]).configuration().unwrap();
        assert!(text.contains("session.path.set = \"/a \\\"b\\\"/session\"\n"), "{text}");
    }

    #[test]
    fn it_binds_to_an_only_address_of_version_4() {
        let bound = |addresses: &[&str]| client(addresses).configuration().unwrap().contains("bind_address");
        assert!(bound(&["10.77.0.2"]));
        assert!(!bound(&["fd77::2"]) && !bound(&["10.77.0.2", "fd77::2"]));
    }
}
