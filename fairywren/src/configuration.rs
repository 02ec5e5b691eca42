//! The configuration that the children get: what the file says, what it leaves to the launcher, and the options.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use infra::config::{Config, Postgresql};
use infra::postgres::{OWNER, PORT};
use infra::process::{Account, create_private};
use infra::refusal::Refusal;
use infra::secrets::{Secret, random_text};
use serde_json::{Value, json};

use crate::folder::{Folder, sockets};
use crate::{Up, addresses};

/// Every key, with values of which the first start keeps those that fit everywhere.
const EXAMPLE: &str = include_str!("../../example.conf.json");

const SITE: &str = "127.0.0.1:8000";
const TRACKER: &str = "127.0.0.1:8080";

/// The processes that have a `postgresql` of their own, and the roles they use in the embedded server.
const LOGINS: [(&str, &str); 3] = [("migrate", OWNER), ("webapi", "webapi"), ("tracker", "tracker")];

/// What the children run with.
pub(crate) struct Settings {
    /// As they will read it.
    pub(crate) config: Config,
    /// Whether the database is the data folder's own.
    pub(crate) embedded: bool,
    text: String,
}

/// What the launcher remembers of the embedded server, in `postgres.json`.
#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    /// The `run` folder of the last start: the data folder may have been moved since.
    run: PathBuf,
    /// The owner's.
    password: Secret,
}

impl Settings {
    /// Reads the configuration, or makes it, and settles what it leaves open. Nothing runs yet.
    pub(crate) fn prepare(folder: &Folder, options: &Up) -> anyhow::Result<Self> {
        let record = Record::read(folder)?;
        let own = folder.own_configuration();
        let file = options.config.as_ref().unwrap_or(&own);
        let mut value = match &options.config {
            Some(file) => read(file)?,
            None => own_configuration(folder, record.as_ref())?,
        };
        for (process, user) in LOGINS {
            if value.get(process).is_none() {
                value[process] = json!({});
            }
            let section = &mut value[process];
            if section.is_object() && section.get("postgresql").is_none() {
                section["postgresql"] = login(folder.run(), user, &random_text()?);
            }
        }
        let config = parse(&value, file)?;
        let embedded = is_embedded(&config, folder, record.as_ref(), file)?;
        if embedded {
            let password =
                record.map_or_else(|| config.migrate.postgresql.password.clone(), |it| it.password);
            let given = [&config.webapi.postgresql.password, &config.tracker.postgresql.password];
            for ((process, user), password) in LOGINS.iter().zip([&password].into_iter().chain(given)) {
                value[process]["postgresql"] = login(folder.run(), user, password);
            }
            Record { run: folder.run().to_owned(), password }.write(folder)?;
        }
        settle_addresses(&mut value, &config, options)?;
        settle_files(&mut value, folder);
        let config = parse(&value, file)?;
        Ok(Self { config, embedded, text: pretty(&value)? })
    }

    /// Writes what the children read, who run as `account`, if not as the present user.
    pub(crate) fn write(&self, folder: &Folder, account: Option<&Account>) -> anyhow::Result<()> {
        write_private_for(&folder.effective_configuration(), &self.text, account)
    }

    /// The name of the restart file.
    pub(crate) fn restart_file(&self) -> &OsStr {
        self.config.tracker.restart_file.file_name().unwrap_or_default()
    }

    /// The logins that migrations create roles for.
    pub(crate) fn logins(&self) -> [&Postgresql; 2] {
        [&self.config.webapi.postgresql, &self.config.tracker.postgresql]
    }
}

impl Record {
    fn read(folder: &Folder) -> anyhow::Result<Option<Self>> {
        let file = folder.server_record();
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| file.display().to_string())?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        write_private(&folder.server_record(), &pretty(&serde_json::to_value(self)?)?)
    }
}

/// `DIR/fairywren.conf.json`: written at the first start, completed after an upgrade, mended after a move.
fn own_configuration(folder: &Folder, record: Option<&Record>) -> anyhow::Result<Value> {
    let file = folder.own_configuration();
    let defaults = defaults(folder.run())?;
    if !file.exists() {
        if folder.cluster().exists() {
            return Err(Refusal(format!(
                "{} is missing, and the database beside it is of no use without its salt: put it back from a backup, \
                 or name another configuration with --config",
                file.display()
            ))
            .into());
        }
        write_private(&file, &pretty(&defaults)?)?;
        return Ok(defaults);
    }
    let mut value = read(&file)?;
    let mut changes = Vec::new();
    fill(&mut value, &defaults, "", &mut changes);
    if let Some(record) = record.filter(|it| it.run != folder.run()) {
        relocate(&mut value, &record.run, folder.run(), "", &mut changes);
    }
    if !changes.is_empty() {
        parse(&value, &file)?;
        write_private(&file, &pretty(&value)?)?;
        tracing::warn!("{}: set to the built-in value: {}", file.display(), changes.join(", "));
    }
    Ok(value)
}

/// The example, for this machine alone.
fn defaults(run: &Path) -> anyhow::Result<Value> {
    let mut value: Value = serde_json::from_str(EXAMPLE).context("example.conf.json")?;
    value["apiUrl"] = format!("http://{SITE}").into();
    value["trackerUrl"] = format!("http://{TRACKER}").into();
    value["salt"] = random_text()?.reveal().into();
    for socket in ["counts", "control"] {
        value["zeromq"][socket] = format!("ipc://{}/zeromq/{socket}", run.display()).into();
    }
    value["webapi"]["listen"] = SITE.into();
    value["webapi"]["secure"] = false.into();
    value["tracker"]["listen"] = json!([TRACKER]);
    value["tracker"]["restartFile"] = "swarms".into();
    for (process, user) in LOGINS {
        value[process]["postgresql"] = login(run, user, &random_text()?);
    }
    Ok(value)
}

fn login(run: &Path, user: &str, password: &Secret) -> Value {
    json!({ "host": sockets(run), "port": PORT, "dbname": OWNER, "user": user, "password": password })
}

/// Adds to `value` what it lacks of `defaults`: all but the salt, and connections only whole.
fn fill(value: &mut Value, defaults: &Value, path: &str, filled: &mut Vec<String>) {
    let (Value::Object(value), Value::Object(defaults)) = (value, defaults) else { return };
    for (key, default) in defaults {
        match value.get_mut(key) {
            Some(_) if key == "postgresql" => {}
            Some(value) => fill(value, default, &format!("{path}{key}."), filled),
            None if key == "salt" => {}
            None => {
                value.insert(key.clone(), default.clone());
                filled.push(format!("{path}{key}"));
            }
        }
    }
}

/// Replaces sockets below the folder `old` by those below `new`.
fn relocate(value: &mut Value, old: &Path, new: &Path, path: &str, moved: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                relocate(value, old, new, &format!("{path}.{key}"), moved);
            }
        }
        Value::String(text) => {
            let socket = text.strip_prefix("ipc://").unwrap_or(text);
            if let Ok(rest) = Path::new(socket).strip_prefix(old) {
                let prefix = if socket.len() < text.len() { "ipc://" } else { "" };
                *text = format!("{prefix}{}", new.join(rest).display());
                moved.push(path.trim_start_matches('.').to_owned());
            }
        }
        _ => {}
    }
}

/// Whether all three connections lead to the embedded server.
fn is_embedded(
    config: &Config,
    folder: &Folder,
    record: Option<&Record>,
    file: &Path,
) -> Result<bool, Refusal> {
    let here = [Some(folder.sockets()), record.map(|it| sockets(&it.run))];
    let logins = [&config.migrate.postgresql, &config.webapi.postgresql, &config.tracker.postgresql];
    let embedded = logins.map(|login| here.iter().flatten().any(|it| *it == Path::new(&login.host)));
    let process = |wanted: bool| {
        let at = embedded.iter().position(|it| *it == wanted);
        at.map(|at| LOGINS[at].0)
    };
    match (process(true), process(false)) {
        (Some(_), None) => Ok(true),
        (None, _) => Ok(false),
        (Some(ours), Some(other)) => Err(Refusal(format!(
            "{}: {ours}.postgresql: {other}.postgresql names a server of its own, so name one here too",
            file.display()
        ))),
    }
}

/// Options go before the configuration, ports are picked, and URLs that only repeated the address follow it.
fn settle_addresses(value: &mut Value, config: &Config, options: &Up) -> anyhow::Result<()> {
    let site = config.webapi.listen;
    let new_site = addresses::settle(&[options.site.unwrap_or(site)], "--site")?;
    let tracker = &config.tracker.listen;
    let new_tracker = options.tracker.map_or_else(|| tracker.clone(), |it| vec![it]);
    let new_tracker = addresses::settle(&new_tracker, "--tracker")?;
    let follow = |url: &str, old: &[SocketAddr], new: &[SocketAddr]| match (old.first(), new.first()) {
        (Some(old), Some(new)) if url == addresses::url(*old) => addresses::url(*new),
        _ => url.to_owned(),
    };
    value["apiUrl"] = follow(config.api_url.as_str(), &[site], &new_site).into();
    value["trackerUrl"] = follow(config.tracker_url.as_str(), tracker, &new_tracker).into();
    value["webapi"]["listen"] = json!(new_site.first());
    value["tracker"]["listen"] = json!(new_tracker);
    Ok(())
}

/// Files without a folder lie in the data folder, wherever that is moved; the restart file in the tracker's part of it.
fn settle_files(value: &mut Value, folder: &Folder) {
    for key in ["restartFile", "tlsCertificate", "tlsKey"] {
        let file = &mut value["tracker"][key];
        if let Some(named) = file.as_str() {
            let relative = Path::new(named).strip_prefix(folder.path()).unwrap_or(Path::new(named));
            let in_tracker = key == "restartFile" && relative.parent() == Some(Path::new(""));
            let parent = if in_tracker { folder.of_tracker() } else { folder.path().to_owned() };
            *file = parent.join(relative).to_string_lossy().into();
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(file)
        .map_err(|source| infra::config::Error::Read { file: file.to_owned(), source })?;
    match serde_json::from_str(&text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Refusal(format!("{}: expected one JSON object", file.display())).into()),
        // The position is one in the operator's own file.
        Err(problem) => Err(Refusal(format!("{}: this is no sound JSON: {problem}", file.display())).into()),
    }
}

fn parse(value: &Value, file: &Path) -> Result<Config, infra::config::Error> {
    Config::from_value(value, file)
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Replaces `file` as a whole, readable by its owner only.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    write_private_for(file, text, None)
}

/// [`write_private`] for `account`, if not for the present user.
fn write_private_for(file: &Path, text: &str, account: Option<&Account>) -> anyhow::Result<()> {
    let unfinished = file.with_extension("new");
    let write = || {
        // Of a start that was cut off.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut new = create_private(&unfinished, account)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests;
