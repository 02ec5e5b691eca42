//! The configuration of the children: the file's keys, those that the launcher supplies, and command-line options.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use infra::config::{self, Config, OWNER, Postgresql, Role, roles};
use infra::postgres::PORT;
use infra::process::{Account, create_private};
use infra::refusal::Refusal;
use infra::secrets::{Secret, random_text};
use serde_json::{Value, json};

use crate::folder::{Folder, sockets};
use crate::{Up, addresses};

/// The site's listening address in the first configuration.
const SITE: &str = "127.0.0.1:8000";
/// The tracker's listening address in the first configuration.
const TRACKER: &str = "127.0.0.1:8080";

/// The settings of one start of `fairywren up`.
pub(crate) struct Settings {
    /// The configuration that the children will read.
    pub(crate) config: Config,
    /// Whether the database is the embedded one in the data folder.
    pub(crate) embedded: bool,
    text: String,
}

/// Content of `postgres.json`: what the launcher must remember of the embedded server.
#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    /// The `run` folder of the last start, to notice that the data folder was moved.
    run: PathBuf,
    /// The password of the role that owns the database.
    password: Secret,
}

impl Settings {
    /// Reads the configuration, or writes the first one, and supplies the keys that it lacks. Nothing is started yet.
    pub(crate) fn prepare(folder: &Folder, options: &Up) -> anyhow::Result<Self> {
        let record = Record::read(folder)?;
        let own = folder.own_configuration();
        let file = options.config.as_ref().unwrap_or(&own);
        let mut value = match &options.config {
            Some(file) => read(file)?,
            None => own_configuration(folder, record.as_ref())?,
        };
        supply(&mut value, folder.run())?;
        let config = parse(&value, file)?;
        let embedded = is_embedded(&config, folder, record.as_ref(), file)?;
        if embedded {
            // The folder may have been moved since the file was written, and only the record has the owner's password.
            let password =
                record.map_or_else(|| config.migrate.postgresql.password.clone(), |it| it.password);
            for role in roles() {
                value[role.section]["postgresql"] =
                    json!(login(folder.run(), role.user, role.login(&config).password.clone()));
            }
            value[OWNER.section]["postgresql"] = json!(login(folder.run(), OWNER.user, password.clone()));
            Record { run: folder.run().to_owned(), password }.write(folder)?;
        }
        settle_addresses(&mut value, &config, options)?;
        settle_files(&mut value, folder);
        let config = parse(&value, file)?;
        Ok(Self { config, embedded, text: pretty(&value)? })
    }

    /// Writes the configuration for the children. They run as `account`, if not as the present user.
    pub(crate) fn write(&self, folder: &Folder, account: Option<&Account>) -> anyhow::Result<()> {
        write_private_for(&folder.effective_configuration(), &self.text, account)
    }

    /// The file name of the restart file.
    pub(crate) fn restart_file(&self) -> &OsStr {
        self.config.tracker.restart_file.file_name().unwrap_or_default()
    }
}

impl Record {
    fn read(folder: &Folder) -> anyhow::Result<Option<Self>> {
        let file = folder.server_record();
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(
                serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?,
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        write_private(&folder.server_record(), &pretty(&serde_json::to_value(self)?)?)
    }
}

/// Reads `DIR/fairywren.conf.json`. It is written at the first start, and changed only after the folder was moved.
fn own_configuration(folder: &Folder, record: Option<&Record>) -> anyhow::Result<Value> {
    let file = folder.own_configuration();
    if !file.exists() {
        if folder.cluster().exists() {
            return Err(Refusal(format!(
                "{} is missing, and the database beside it is of no use without its salt: put it back from a backup, \
                 or name another configuration with --config",
                file.display()
            ))
            .into());
        }
        let first = first_configuration()?;
        write_private(&file, &pretty(&first)?)?;
        return Ok(first);
    }
    let mut value = read(&file)?;
    let mut moved = Vec::new();
    if let Some(record) = record.filter(|it| it.run != folder.run()) {
        relocate(&mut value, &record.run, folder.run(), "", &mut moved);
    }
    if !moved.is_empty() {
        write_private(&file, &pretty(&value)?)?;
        tracing::warn!("the data folder was moved: changed {} in {}", moved.join(", "), file.display());
    }
    Ok(value)
}

/// The first configuration: the salt, and addresses of the loopback interface. All other keys have defaults or are
/// supplied at each start.
fn first_configuration() -> anyhow::Result<Value> {
    Ok(json!({
        "apiUrl": format!("http://{SITE}"),
        "trackerUrl": format!("http://{TRACKER}"),
        "salt": random_text()?,
        "webapi": { "listen": SITE, "secure": false },
        "tracker": { "listen": [TRACKER] },
    }))
}

/// Supplies the keys that the file lacks: sockets in the `run` folder, connections to the embedded server, and a
/// restart file in the data folder. The roles of the embedded server get new random passwords at each start.
fn supply(value: &mut Value, run: &Path) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for role in roles().iter().chain([&OWNER]) {
        let login = login(run, role.user, random_text()?);
        missing.push((role.section, "postgresql", json!(login)));
    }
    for socket in ["counts", "control"] {
        missing.push(("zeromq", socket, json!(format!("ipc://{}/zeromq/{socket}", run.display()))));
    }
    missing.push(("tracker", "restartFile", json!("swarms")));
    for (section, key, default) in missing {
        if value.get(section).is_none() {
            value[section] = json!({});
        }
        // A section that is no object is refused by name later.
        if let Some(section) = value[section].as_object_mut() {
            section.entry(key).or_insert(default);
        }
    }
    Ok(())
}

fn login(run: &Path, user: &str, password: Secret) -> Postgresql {
    Postgresql {
        host: sockets(run).display().to_string(),
        port: PORT,
        dbname: OWNER.user.to_owned(),
        user: user.to_owned(),
        password,
    }
}

/// Replaces paths of sockets in the folder `old` by paths in `new`. `moved` gets the names of the changed keys.
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

/// Whether all roles connect to the embedded server. A mixture is refused.
fn is_embedded(
    config: &Config,
    folder: &Folder,
    record: Option<&Record>,
    file: &Path,
) -> Result<bool, Refusal> {
    let here = [Some(folder.sockets()), record.map(|it| sockets(&it.run))];
    let is_here = |role: &&Role| {
        let host = Path::new(&role.login(config).host);
        here.iter().flatten().any(|it| it == host)
    };
    let (ours, others): (Vec<&Role>, Vec<&Role>) = [&OWNER].into_iter().chain(roles()).partition(is_here);
    match (ours.first(), others.first()) {
        (Some(_), None) => Ok(true),
        (None, _) => Ok(false),
        (Some(ours), Some(other)) => Err(Refusal(format!(
            "{}: {}.postgresql: {}.postgresql names a server of its own, so name one here too",
            file.display(),
            ours.section,
            other.section
        ))),
    }
}

/// Replaces the configured addresses by those of options, and port 0 by a free port. A URL that repeats a changed
/// address is changed as well.
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

/// Makes paths absolute: relative ones are in the data folder, and a restart file without a folder is in its subfolder
/// `tracker`.
fn settle_files(value: &mut Value, folder: &Folder) {
    for key in ["restartFile", "tlsCertificate", "tlsKey"] {
        let Some(file) = value["tracker"].get_mut(key) else { continue };
        if let Some(named) = file.as_str() {
            let relative = Path::new(named).strip_prefix(folder.path()).unwrap_or(Path::new(named));
            let in_tracker = key == "restartFile" && relative.parent() == Some(Path::new(""));
            let parent = if in_tracker { folder.of_tracker() } else { folder.path().to_owned() };
            *file = parent.join(relative).to_string_lossy().into();
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text =
        fs::read_to_string(file).map_err(|source| config::Error::Read { file: file.to_owned(), source })?;
    match serde_json::from_str(&text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Refusal(format!("{}: expected one JSON object", file.display())).into()),
        // The operator wrote this file, so the error names the line.
        Err(problem) => Err(Refusal(format!("{}: expected JSON: {problem}", file.display())).into()),
    }
}

fn parse(value: &Value, file: &Path) -> Result<Config, config::Error> {
    config::from_value(value, file)
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Replaces `file` atomically; only its owner can read it.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    write_private_for(file, text, None)
}

/// [`write_private`] for the owner `account`, if not for the present user.
fn write_private_for(file: &Path, text: &str, account: Option<&Account>) -> anyhow::Result<()> {
    let unfinished = file.with_extension("new");
    let write = || {
        // An interrupted start may have left such a file.
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
