//! rtorrent (seen with 0.9.8 on libtorrent-rakshasa 0.13.8), by XML-RPC over SCGI or over HTTP.

mod torrent;

use std::time::Duration;

use async_trait::async_trait;
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use tokio::time::{Instant, sleep};

pub use self::torrent::activity;
use self::torrent::{FIELDS, read};
use crate::http::{self, ADD_TIMEOUT, ANSWER_TIMEOUT};
use crate::remote::{LIST_PAUSE, LIST_TIMEOUT, join};
use crate::scgi::Address;
use crate::xmlrpc::{self, Value};
use crate::{Added, Addition, Endpoint, Error, Remote, Torrent};

/// Size in bytes from which a .torrent file is large: rtorrent's limit of a request, 512 KiB by default, is then raised
/// first, and the request has more time.
const LARGE: usize = 256 << 10;

/// The highest limit of a request that rtorrent accepts, in bytes.
const SIZE_LIMIT: i64 = (16 << 20) - 1;

/// Most files deleted by one command.
const BATCH: usize = 500;

/// Remote control of an rtorrent with an SCGI port or socket.
pub struct Rtorrent {
    transport: Transport,
}

enum Transport {
    Scgi(Address),
    /// A web server that passes requests on to rtorrent.
    Http(Box<(Endpoint, reqwest::Client)>),
}

impl Rtorrent {
    /// A remote control of the program at `endpoint`. Nothing is sent yet.
    ///
    /// SCGI has no passwords, so an endpoint with a password is refused. Anyone who reaches the SCGI port can run
    /// programs as its owner.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        if endpoint.url.scheme() != "scgi" {
            endpoint.check_http()?;
            let http = http::client().build()?;
            return Ok(Self { transport: Transport::Http(Box::new((endpoint, http))) });
        }
        if !endpoint.user.is_empty() || !endpoint.password.is_empty() {
            return Err(Error::Url("SCGI has no passwords: ask rtorrent through http:// instead".to_owned()));
        }
        Ok(Self { transport: Transport::Scgi(Address::of(&endpoint.url)?) })
    }

    /// Calls a command of rtorrent.
    pub async fn call(&self, command: &str, arguments: &[Value]) -> Result<Value, Error> {
        let request = xmlrpc::request(command, arguments);
        let limit = if request.len() > LARGE { ADD_TIMEOUT } else { ANSWER_TIMEOUT };
        let answer = match &self.transport {
            Transport::Scgi(address) => address.exchange(&request, limit).await?,
            Transport::Http(http) => post(http, request, limit).await?,
        };
        xmlrpc::response(&answer).map_err(|error| match error {
            Error::Refused(words) => Error::Refused(format!("{command}: {words}")),
            error => error,
        })
    }

    /// Calls several commands with one request (`system.multicall`). Each has its own answer or error.
    pub async fn calls(&self, calls: Vec<(&str, Vec<Value>)>) -> Result<Vec<Result<Value, Error>>, Error> {
        let answer = self.call("system.multicall", &[xmlrpc::multicall(calls)]).await?;
        Ok(xmlrpc::answers(&answer))
    }

    /// [`Rtorrent::calls`], where the first error is the error of all.
    async fn all(&self, calls: Vec<(&str, Vec<Value>)>) -> Result<Vec<Value>, Error> {
        self.calls(calls).await?.into_iter().collect()
    }

    async fn lists(&self, hash: &str) -> Result<bool, Error> {
        let list = self.call("download_list", &["".into(), "main".into()]).await?;
        Ok(list.list().iter().any(|value| value.text().eq_ignore_ascii_case(hash)))
    }

    /// Adds a torrent that rtorrent does not have.
    async fn load(&self, hash: &str, addition: &Addition<'_>) -> Result<(), Error> {
        if addition.metainfo.len() > LARGE {
            self.call("network.xmlrpc.size_limit.set", &["".into(), Value::Int(SIZE_LIMIT)]).await?;
        }
        let mut arguments = vec!["".into(), Value::Bytes(addition.metainfo.to_vec())];
        let mut set = |command: &str, value: &str| {
            arguments.push(Value::Text(format!("{command}={}", quote(value))));
        };
        set("d.directory.set", addition.folder);
        if let Some(label) = addition.label {
            set("d.custom1.set", label);
        }
        self.call(if addition.paused { "load.raw" } else { "load.raw_start" }, &arguments).await?;
        // rtorrent answers before it has read the torrent, and reports no error for one that it refuses.
        let deadline = Instant::now() + LIST_TIMEOUT;
        while !self.lists(hash).await? {
            if Instant::now() >= deadline {
                return Err(Error::NotListed);
            }
            sleep(LIST_PAUSE).await;
        }
        Ok(())
    }

    /// Deletes the torrent's own files, and folders that become empty. rtorrent has no command for that, but it can run
    /// programs on its machine.
    async fn delete_files(&self, hash: &str) -> Result<(), Error> {
        let torrent = || vec![hash.into()];
        let asked = vec![("d.directory", torrent()), ("d.is_multi_file", torrent())];
        let files = self.call("f.multicall", &[hash, "", "f.path="].map(Value::from)).await?;
        let answers = self.all(asked).await?;
        let [folder, is_folder] = answers.as_slice() else { return Ok(()) };
        // A torrent has no folder before it was opened once.
        if !folder.text().starts_with('/') {
            return Ok(());
        }
        let names = files.list().iter().filter_map(|file| file.list().first()).map(Value::text);
        let names = names.filter(|name| !name.split('/').any(|part| part == ".."));
        let paths: Vec<Value> = names.map(|name| Value::Text(join(folder.text(), name))).collect();
        for paths in paths.chunks(BATCH) {
            let command = ["", "rm", "-f", "--"].map(Value::from);
            self.call("execute.throw", &[&command[..], paths].concat()).await?;
        }
        if is_folder.int() != 0 {
            // A folder with other files stays; a missing one is no error.
            let command = ["", "find", folder.text(), "-depth", "-type", "d", "-empty", "-delete"];
            self.call("execute.nothrow", &command.map(Value::from)).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Remote for Rtorrent {
    async fn version(&self) -> Result<String, Error> {
        Ok(self.call("system.client_version", &[]).await?.text().to_owned())
    }

    async fn add(&self, addition: &Addition<'_>) -> Result<Added, Error> {
        let hashes = Metainfo::parse(addition.metainfo, &Limits::default())?.hashes;
        // rtorrent up to 0.9.8 treats hybrid torrents as version 1.
        let hash = hashes.v1.ok_or_else(|| Error::Refused("rtorrent knows no version 2".to_owned()))?;
        let Some(torrent) = self.find(&hash).await? else {
            self.load(&spelled(&hash), addition).await?;
            return Ok(Added::New);
        };
        if torrent.left > 0 && torrent.activity == crate::Activity::Stopped {
            self.call("d.check_hash", &[spelled(&hash).as_str().into()]).await?;
        }
        if !addition.paused {
            self.start(&hash).await?;
        }
        Ok(Added::Known)
    }

    async fn torrents(&self) -> Result<Vec<Torrent>, Error> {
        let mut arguments = vec!["".into(), "main".into()];
        arguments.extend(FIELDS.map(Value::from));
        let answer = self.call("d.multicall2", &arguments).await?;
        answer.list().iter().map(|row| read(row.list())).collect()
    }

    async fn find(&self, info_hash: &InfoHash) -> Result<Option<Torrent>, Error> {
        Ok(self.torrents().await?.into_iter().find(|torrent| torrent.info_hash == *info_hash))
    }

    async fn start(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.call("d.start", &[spelled(info_hash).as_str().into()]).await.map(drop)
    }

    async fn stop(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.call("d.stop", &[spelled(info_hash).as_str().into()]).await.map(drop)
    }

    async fn remove(&self, info_hash: &InfoHash, with_data: bool) -> Result<(), Error> {
        let hash = spelled(info_hash);
        if !self.lists(&hash).await? {
            return Ok(());
        }
        let commands = |commands: &[&'static str]| {
            commands.iter().map(|command| (*command, vec![hash.as_str().into()])).collect()
        };
        self.all(commands(&["d.stop", "d.close"])).await?;
        if with_data {
            self.delete_files(&hash).await?;
        }
        self.all(commands(&["d.erase"])).await.map(drop)
    }
}

async fn post(
    (endpoint, http): &(Endpoint, reqwest::Client),
    body: Vec<u8>,
    limit: Duration,
) -> Result<Vec<u8>, Error> {
    let mut request =
        http.post(endpoint.url.clone()).timeout(limit).header("Content-Type", "text/xml").body(body);
    if !endpoint.user.is_empty() {
        request = request.basic_auth(&endpoint.user, Some(endpoint.password.reveal()));
    }
    http::send(request).await?.success()
}

/// An info hash as rtorrent writes it, in upper case.
fn spelled(info_hash: &InfoHash) -> String {
    info_hash.to_string().to_uppercase()
}

/// Quotes `text`, so that it is one argument of a command whatever characters it has.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
