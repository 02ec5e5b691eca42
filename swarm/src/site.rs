//! Our own tracker and site, started by the launcher, and what is asked of them over HTTP.

mod configuration;
mod launcher;
pub(crate) mod provision;
mod rest;
mod shapes;
#[cfg(test)]
mod tests;
mod visit;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bt::InfoHash;
use infra::secrets::{Secret, random, random_text};
use reqwest::multipart::{Form, Part};
use serde_json::json;

use launcher::Launcher;
use rest::Rest;
pub(crate) use shapes::{Announce, Counts, Totals, Uploaded, Visitor};
use shapes::{Claimed, Invited, List, Listed, Profile, Session, Token};
use visit::{Visit, claim};

/// Who uploads and manages the demonstration's site.
const ADMINISTRATOR: &str = "demo";

/// Pages of the list of torrents that are read at most, each of [`PAGE`].
const PAGES: usize = 20;
const PAGE: usize = 100;

/// What a site is started with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The launcher's program; tracker and webapi are beside it. See [`program`].
    pub(crate) program: PathBuf,
    /// For its data, empty or missing. The log is beside it, as FOLDER.log.
    ///
    /// Run by root, PostgreSQL is another user, who has to be able to enter what the folder is in.
    pub(crate) folder: PathBuf,
    /// Where the site listens; port 0 picks a free one, where `api_url` is none.
    pub(crate) site: SocketAddr,
    /// Where announces arrive, one address for each family as a rule; port 0 picks a free one.
    pub(crate) tracker: Vec<SocketAddr>,
    /// The site's URL as browsers see it; where it listens otherwise.
    pub(crate) api_url: Option<String>,
    /// The URL that clients announce to; the tracker's first address otherwise.
    pub(crate) tracker_url: Option<String>,
    pub(crate) pace: Pace,
}

/// How often clients announce, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// From one announce to the next.
    pub(crate) interval: u32,
    /// No sooner than this without an event.
    pub(crate) least: u32,
    /// A client that was silent for so long is forgotten.
    pub(crate) timeout: u32,
}

impl Default for Pace {
    /// Quick, so that one sees something. Whatever it is told, rtorrent 0.9.8 waits 600 s, qBittorrent 4.5 300 s.
    fn default() -> Self {
        Self { interval: 30, least: 10, timeout: 700 }
    }
}

/// A running site with its tracker and database, and its administrator. What is asked of it here is asked in the
/// administrator's name, unless a member is named.
///
/// Dropped, it is told to stop; [`RunningSite::stop`] also waits for it.
#[derive(Debug)]
pub(crate) struct RunningSite {
    launcher: Launcher,
    rest: Rest,
    administrator: Member,
    password: Secret,
    /// Held for an upload: the site takes one after the other from each member.
    uploading: tokio::sync::Mutex<()>,
}

/// An account with a key to it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: u32,
    /// As on the site.
    pub(crate) name: String,
    token: Secret,
}

/// The launcher's program, which is installed beside this one.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe().context("this program's own path")?.with_file_name("fairywren"))
}

impl RunningSite {
    /// Starts everything and waits until it serves.
    ///
    /// The calling thread has to live as long as the site: the system takes the thread's end for the parent's.
    ///
    /// # Errors
    /// Where it ends at its start, with the last of what it said.
    pub(crate) async fn start(options: Options) -> anyhow::Result<Self> {
        make_folder(&options.folder)?;
        configuration::write(&options)?;
        let launcher = Launcher::start(&options.program, &options.folder).await?;
        let listens_there = options.api_url.is_none();
        let url = match launcher.url("site") {
            Some(url) if listens_there => url.to_owned(),
            _ => configuration::url(options.site),
        };
        let rest = Rest::new(url)?;
        let link =
            launcher.url("first account").context("the launcher printed no link to the first account")?;
        let password = typable_password()?;
        let administrator = join(&rest, link, ADMINISTRATOR, &password).await.context("the first account")?;
        Ok(Self { launcher, rest, administrator, password, uploading: tokio::sync::Mutex::default() })
    }

    /// Where the site is asked, without a slash at the end; not what browsers see.
    #[cfg(test)]
    pub(crate) fn url(&self) -> &str {
        self.rest.url()
    }

    /// Name and password of the account that may control everything.
    pub(crate) fn administrator(&self) -> (&str, &Secret) {
        (&self.administrator.name, &self.password)
    }

    /// Stops everything, in 15 seconds at most, and waits for it.
    pub(crate) async fn stop(&self) {
        self.launcher.stop().await;
    }

    /// Returns when it has ended, asked to or not; with the last of what it said.
    pub(crate) async fn ended(&self) -> String {
        self.launcher.ended().await
    }

    /// Makes a plain member: 2 to 32 letters, digits, dots, dashes or underscores.
    ///
    /// By an invite, as people come in. It costs the site two password hashes, of which it makes two at a time: twelve
    /// members at once take about a second.
    pub(crate) async fn member(&self, name: &str) -> anyhow::Result<Member> {
        let context = || format!("cannot make the member {name}");
        let invite = self.rest.post("/api/invites").bearer_auth(self.administrator.token.reveal());
        let Invited { url } = self.rest.read(invite).await.with_context(context)?;
        let password = random_text()?;
        join(&self.rest, url.reveal(), name, &password).await.with_context(context)
    }

    /// Uploads a .torrent file.
    ///
    /// # Errors
    /// Also where the site has it already.
    pub(crate) async fn upload(
        &self,
        metainfo: Vec<u8>,
        title: &str,
        description: &str,
    ) -> anyhow::Result<Uploaded> {
        let file = Part::bytes(metainfo).file_name("upload.torrent");
        let form = Form::new().text("title", title.to_owned()).text("description", description.to_owned());
        let request = self.rest.post("/api/torrents").bearer_auth(self.administrator.token.reveal());
        let _turn = self.uploading.lock().await;
        let uploaded = self.rest.read(request.multipart(form.part("torrent", file))).await;
        uploaded.with_context(|| format!("cannot upload {title}"))
    }

    /// Takes a torrent off the site. One that is gone is no error.
    pub(crate) async fn delete(&self, torrent: u32) -> anyhow::Result<()> {
        let request = self.rest.delete(&format!("/api/torrents/{torrent}"));
        let request = request.bearer_auth(self.administrator.token.reveal());
        let deleted = self.rest.find(request).await;
        deleted.map(drop).with_context(|| format!("cannot delete torrent {torrent}"))
    }

    /// The .torrent file of `member`, with their own announce URL.
    pub(crate) async fn metainfo(&self, member: &Member, torrent: u32) -> anyhow::Result<Vec<u8>> {
        let request = self.rest.get(&format!("/api/torrents/{torrent}/metainfo"));
        let request = request.bearer_auth(member.token.reveal());
        let context = || format!("cannot download torrent {torrent} as {}", member.name);
        let answer = self.rest.send(request).await.with_context(context)?;
        Ok(answer.bytes().await.with_context(context)?.into())
    }

    /// What the tracker counts, by the torrent's id.
    pub(crate) async fn counts(&self) -> anyhow::Result<HashMap<u32, Counts>> {
        Ok(self.torrents().await?.into_iter().map(|it| (it.id, it.counts())).collect())
    }

    /// The id of the torrent with that canonical info hash, where there is one.
    pub(crate) async fn find(&self, info_hash: &InfoHash) -> anyhow::Result<Option<u32>> {
        Ok(self.torrents().await?.into_iter().find(|it| it.info_hash == *info_hash).map(|it| it.id))
    }

    /// The list of torrents.
    async fn torrents(&self) -> anyhow::Result<Vec<Listed>> {
        let mut torrents = Vec::new();
        let mut after = None;
        for _ in 0..PAGES {
            let mut query = vec![("limit", PAGE.to_string())];
            query.extend(after.take().map(|it| ("after", it)));
            let request = self.rest.get_with("/api/torrents", &query)?;
            let request = request.bearer_auth(self.administrator.token.reveal());
            let page: List<Listed> = self.rest.read(request).await.context("cannot list the torrents")?;
            torrents.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(torrents)
    }

    /// What the tracker counted for a member over all torrents. Reports reach the site within seconds, not at once.
    pub(crate) async fn totals(&self, member: &Member) -> anyhow::Result<Totals> {
        let request = self.rest.get(&format!("/api/users/{}", member.id));
        let request = request.bearer_auth(self.administrator.token.reveal());
        let profile: Profile = self.rest.read(request).await.context("cannot read a member's totals")?;
        profile.totals.context("the site keeps a member's totals to itself")
    }

    /// The last 50 announces of a member's clients, the newest first.
    pub(crate) async fn announces(&self, member: &Member) -> anyhow::Result<Vec<Announce>> {
        let request = self.rest.get(&format!("/api/users/{}/announces", member.id));
        let request = request.bearer_auth(self.administrator.token.reveal());
        let list: List<Announce> =
            self.rest.read(request).await.context("cannot read a member's announces")?;
        Ok(list.items)
    }

    /// Who sends a request with this `Cookie` header; `None` where nobody is signed in.
    pub(crate) async fn visitor(&self, cookies: &str) -> anyhow::Result<Option<Visitor>> {
        let Ok(cookies) = reqwest::header::HeaderValue::from_str(cookies) else { return Ok(None) };
        let request = self.rest.get("/api/session").header(reqwest::header::COOKIE, cookies);
        let session: Option<Session> = self.rest.read_unless_unauthorized(request).await?;
        Ok(session.map(Visitor::from))
    }
}

/// Claims the invite at `link` and makes a token for the new account.
async fn join(rest: &Rest, link: &str, name: &str, password: &Secret) -> anyhow::Result<Member> {
    let Claimed { id, name } = claim(rest, link, name, password).await?;
    let visit = Visit::start(rest, &name, password).await?;
    let wish = visit.sign(rest.post("/api/tokens")).json(&json!({ "name": "swarm" }));
    let Token { token } = rest.read(wish).await?;
    visit.leave(rest).await?;
    Ok(Member { id, name, token })
}

/// 80 random bits that one can type from a projector.
fn typable_password() -> anyhow::Result<Secret> {
    let mut bytes = [0; 10];
    random(&mut bytes)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase().into())
}

/// Open to be passed through: root's PostgreSQL is another user. What is secret in it has a mode of its own.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}
