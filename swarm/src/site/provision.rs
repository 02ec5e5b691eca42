//! `swarm provision`: torrents and members for a site that runs elsewhere, and a folder of .torrent files for each
//! member. A second run applies what has changed.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bt::bencode::Limits;
use bt::metainfo::{Kind, Metainfo};
use clap::Args;
use infra::refusal::Refusal;
use infra::secrets::{Secret, random_text};
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::time::sleep;

use super::rest::Rest;
use super::shapes::{Invited, List, Uploaded};
use super::visit::{Visit, claim};
use super::{PAGE, PAGES};
use crate::create;
use crate::sources::{Change, Event, SETTLED, Sources};

/// Wait for the site and its first account.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// `swarm provision`.
#[derive(Debug, Args)]
pub(crate) struct Provision {
    /// The site
    #[arg(long, value_name = "URL")]
    site: String,
    /// Name and password of an administrator, a line each; those of the members are kept beside it
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
    /// Files and folders to share; each becomes a torrent
    #[arg(long, value_name = "DIR")]
    sources: PathBuf,
    /// Where each member finds theirs, as DIR/MEMBER/NUMBER.torrent
    #[arg(long, value_name = "DIR")]
    torrents: PathBuf,
    /// Members to make: seeder:2 makes seeder-1 and seeder-2
    #[arg(long = "members", value_name = "NAME:N", value_parser = group)]
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    size: u16,
}

fn group(text: &str) -> Result<Group, &'static str> {
    let parsed = text.split_once(':').and_then(|(name, size)| Some((name, size.parse().ok()?)));
    let (name, size) = parsed.ok_or("expected a name and how many, as seeder:2")?;
    Ok(Group { name: name.to_owned(), size })
}

/// Name and password of an account.
struct Credentials {
    name: String,
    password: Secret,
}

/// A torrent of the site.
#[derive(Debug, Deserialize)]
struct Known {
    id: u32,
    info_hash: String,
    uploader: Option<Uploader>,
}

#[derive(Debug, Deserialize)]
struct Uploader {
    name: String,
}

/// Returns when site and folders are complete.
pub(crate) fn run(options: &Provision) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(provision(options))
}

async fn provision(options: &Provision) -> anyhow::Result<()> {
    let rest = Rest::new(options.site.trim_end_matches('/').to_owned())?;
    let administrator = administrator(&rest, &options.account).await?;
    let visit = enter(&rest, &administrator).await?;
    let torrents = share(&rest, &visit, &administrator.name, &options.sources).await?;
    let names = options.groups.iter().flat_map(|it| (1..=it.size).map(move |n| format!("{}-{n}", it.name)));
    let mut members = 0;
    for name in names {
        let own = member(&rest, &visit, &options.account.with_file_name(&name), &name).await?;
        let delivered = deliver(&rest, &own, &options.torrents.join(&name), &torrents).await;
        own.leave(&rest).await?;
        delivered.with_context(|| format!("cannot give {name} their torrents"))?;
        members += 1;
    }
    visit.leave(&rest).await?;
    println!("{} torrents for {members} members", torrents.len());
    Ok(())
}

/// Waits for the site and for the file of the administrator's name and password, which it reads.
async fn administrator(rest: &Rest, file: &Path) -> anyhow::Result<Credentials> {
    let end = Instant::now() + START_TIMEOUT;
    loop {
        let problem = match (rest.send(rest.get("/healthz")).await, read_person(file)?) {
            (Ok(_), Some(person)) => return Ok(person),
            (Ok(_), None) => Refusal(format!("{} is missing", file.display())).into(),
            (Err(problem), _) => problem,
        };
        if Instant::now() > end {
            return Err(problem);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn enter(rest: &Rest, person: &Credentials) -> anyhow::Result<Visit> {
    let visit = Visit::start(rest, &person.name, &person.password).await;
    visit.with_context(|| format!("{} cannot sign in", person.name))
}

/// Uploads what the site lacks of the sources, and deletes what the sources lack. The torrents' ids.
async fn share(rest: &Rest, visit: &Visit, uploader: &str, folder: &Path) -> anyhow::Result<Vec<u32>> {
    let mut sources = Sources::new(folder.to_owned());
    let unreadable = || format!("cannot read {}", folder.display());
    sources.look(tokio::time::Instant::now()).with_context(unreadable)?;
    sleep(SETTLED).await;
    let found = sources.look(tokio::time::Instant::now()).with_context(unreadable)?;
    let known = known(rest, visit).await?;
    let ids: HashMap<&str, u32> = known.iter().map(|it| (&*it.info_hash, it.id)).collect();
    let mut shared = Vec::new();
    for Event { name, change } in found {
        let path = match change {
            Change::Added(path) => path,
            Change::LeftOut(why) => {
                eprintln!("left out: {name}: {why}");
                continue;
            }
            // It is being written: the next run uploads it.
            Change::Rewritten | Change::Gone => continue,
        };
        // rtorrent takes the pad files of a hybrid torrent for content.
        let options = create::Options { kind: Kind::V1, ..Default::default() };
        let metainfo = match create::create(&path, &options, &|_| {}) {
            Ok(metainfo) => metainfo,
            Err(problem) => {
                eprintln!("left out: {name}: {problem:#}");
                continue;
            }
        };
        let info_hash = Metainfo::parse(&metainfo, &Limits::default())?.hashes.canonical().to_string();
        let id = match ids.get(&*info_hash) {
            Some(id) => *id,
            None => upload(rest, visit, metainfo, &name).await?,
        };
        shared.push(id);
    }
    if shared.is_empty() {
        bail!(Refusal(format!(
            "there is nothing to share in {}: put files or folders there",
            folder.display()
        )));
    }
    let own = |it: &&Known| it.uploader.as_ref().is_some_and(|it| it.name == uploader);
    for gone in known.iter().filter(own).filter(|it| !shared.contains(&it.id)) {
        rest.find(visit.sign(rest.delete(&format!("/api/torrents/{}", gone.id)))).await?;
        println!("withdrawn: torrent {}", gone.id);
    }
    Ok(shared)
}

async fn known(rest: &Rest, visit: &Visit) -> anyhow::Result<Vec<Known>> {
    let mut all = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(after.take().map(|it| ("after", it)));
        let page: List<Known> = rest.read(visit.sign(rest.get_with("/api/torrents", &query)?)).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(all)
}

async fn upload(rest: &Rest, visit: &Visit, metainfo: Vec<u8>, name: &str) -> anyhow::Result<u32> {
    let file = Part::bytes(metainfo).file_name("upload.torrent");
    let form = Form::new().text("title", name.to_owned()).part("torrent", file);
    let uploaded = rest.read(visit.sign(rest.post("/api/torrents")).multipart(form)).await;
    let Uploaded { id, .. } = uploaded.with_context(|| format!("cannot upload {name}"))?;
    println!("uploaded: {name}");
    Ok(id)
}

/// Signs a member in, who is invited first if need be. The password is written to `file` before the account is made, so
/// that an interrupted run does not lose it.
async fn member(rest: &Rest, inviter: &Visit, file: &Path, name: &str) -> anyhow::Result<Visit> {
    let person = if let Some(person) = read_person(file)? {
        if let Ok(visit) = enter(rest, &person).await {
            return Ok(visit);
        }
        person
    } else {
        let person = Credentials { name: name.to_owned(), password: random_text()? };
        write(file, format!("{name}\n{}\n", person.password.reveal()).as_bytes())?;
        person
    };
    let Invited { url } = rest.read(inviter.sign(rest.post("/api/invites"))).await?;
    let claimed = claim(rest, url.reveal(), name, &person.password).await;
    claimed.with_context(|| format!("cannot make the member {name}"))?;
    enter(rest, &person).await
}

fn read_person(file: &Path) -> anyhow::Result<Option<Credentials>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", file.display()))?,
    };
    let (name, password) =
        text.split_once('\n').context("a file of an account has no name and password, a line each")?;
    Ok(Some(Credentials { name: name.to_owned(), password: password.trim_end().to_owned().into() }))
}

/// Fills the member's folder with their own files of `torrents`, and deletes all others.
async fn deliver(rest: &Rest, own: &Visit, folder: &Path, torrents: &[u32]) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let names: HashSet<String> = torrents.iter().map(|id| format!("{id}.torrent")).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|it| names.contains(it)) {
            fs::remove_file(entry.path())?;
        }
    }
    for id in torrents {
        let file = folder.join(format!("{id}.torrent"));
        if !file.exists() {
            let answer = rest.send(own.sign(rest.get(&format!("/api/torrents/{id}/metainfo")))).await?;
            write(&file, &answer.bytes().await?)?;
        }
    }
    Ok(())
}

/// Writes a whole file or none, with access for the owner alone.
fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unfinished = file.with_extension("new");
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o600);
    let written = open.open(&unfinished).and_then(|mut it| it.write_all(bytes));
    written
        .and_then(|()| fs::rename(&unfinished, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
