//! A site with its tracker and database, started by the launcher and used over its REST API.

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

/// The name of the account that uploads and manages the site.
const ADMINISTRATOR: &str = "demo";

/// Pages of the list of torrents that are read at most, and torrents of a page.
const PAGES: usize = 20;
const PAGE: usize = 100;

/// The options of a site.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The launcher's program; tracker and webapi are beside it. See [`program`].
    pub(crate) program: PathBuf,
    /// The data folder, empty or missing. The log is FOLDER.log.
    ///
    /// Under root, PostgreSQL runs as another user, who has to be able to pass through the folders above.
    pub(crate) folder: PathBuf,
    /// The site's address; port 0 is a free port, if `api_url` is none.
    pub(crate) site: SocketAddr,
    /// The tracker's addresses, as a rule one of each family; port 0 is a free port.
    pub(crate) tracker: Vec<SocketAddr>,
    /// The site's URL for browsers; by default that of `site`.
    pub(crate) api_url: Option<String>,
    /// The URL for announces; by default that of the tracker's first address.
    pub(crate) tracker_url: Option<String>,
    pub(crate) pace: Pace,
}

/// How often clients announce, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Time from one announce to the next.
    pub(crate) interval: u32,
    /// Shortest time between two announces without an event.
    pub(crate) least: u32,
    /// Time after which a silent client is removed.
    pub(crate) timeout: u32,
}

impl Default for Pace {
    /// Short, so that there is something to see. rtorrent 0.9.8 always waits 600 s, qBittorrent 4.5 300 s.
    fn default() -> Self {
        Self { interval: 30, least: 10, timeout: 700 }
    }
}

/// A running site with its tracker and database. Requests are the administrator's, unless a method takes a member.
///
/// Dropping it stops the site; [`RunningSite::stop`] waits for that, too.
#[derive(Debug)]
pub(crate) struct RunningSite {
    launcher: Launcher,
    rest: Rest,
    administrator: Member,
    password: Secret,
    /// Locked during an upload: the site takes one at a time from each member.
    uploading: tokio::sync::Mutex<()>,
}

/// An account with an API token.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: u32,
    /// Its name on the site.
    pub(crate) name: String,
    token: Secret,
}

/// The path of the launcher, which is installed beside this program.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe().context("cannot find the path of this program")?.with_file_name("fairywren"))
}

impl RunningSite {
    /// Starts the site and waits until it answers.
    ///
    /// The calling thread has to live as long as the site: the kernel ends the launcher with that thread.
    ///
    /// # Errors
    /// The site ends at its start; with the last lines of its log.
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
        let administrator =
            join(&rest, link, ADMINISTRATOR, &password).await.context("cannot make the first account")?;
        Ok(Self { launcher, rest, administrator, password, uploading: tokio::sync::Mutex::default() })
    }

    /// The URL of the site's own address, without a slash at the end.
    #[cfg(test)]
    pub(crate) fn url(&self) -> &str {
        self.rest.url()
    }

    /// Name and password of the administrator.
    pub(crate) fn administrator(&self) -> (&str, &Secret) {
        (&self.administrator.name, &self.password)
    }

    /// Stops the site and waits for its end.
    pub(crate) async fn stop(&self) {
        self.launcher.stop().await;
    }

    /// Waits until the site has ended. The last lines of its log.
    pub(crate) async fn ended(&self) -> String {
        self.launcher.ended().await
    }

    /// Makes a member by an invite. A name has 2 to 32 letters, digits, dots, dashes or underscores.
    ///
    /// This costs the site two password hashes, of which it makes two at a time: twelve members at once take about a second.
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
    /// Also if the site has the torrent already.
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

    /// Deletes a torrent. One that is gone is no error.
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

    /// The tracker's counts, by torrent id.
    pub(crate) async fn counts(&self) -> anyhow::Result<HashMap<u32, Counts>> {
        Ok(self.torrents().await?.into_iter().map(|it| (it.id, it.counts())).collect())
    }

    /// The id of the torrent with that canonical info hash, where there is one.
    pub(crate) async fn find(&self, info_hash: &InfoHash) -> anyhow::Result<Option<u32>> {
        Ok(self.torrents().await?.into_iter().find(|it| it.info_hash == *info_hash).map(|it| it.id))
    }

    /// All torrents of the site.
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

    /// The bytes that were counted for a member over all torrents. Reports of the tracker arrive within seconds.
    pub(crate) async fn totals(&self, member: &Member) -> anyhow::Result<Totals> {
        let request = self.rest.get(&format!("/api/members/{}", member.id));
        let request = request.bearer_auth(self.administrator.token.reveal());
        let profile: Profile = self.rest.read(request).await.context("cannot read a member's totals")?;
        profile.totals.context("the site does not show a member's totals")
    }

    /// The last 50 announces of a member's clients, the newest first.
    pub(crate) async fn announces(&self, member: &Member) -> anyhow::Result<Vec<Announce>> {
        let request = self.rest.get(&format!("/api/members/{}/announces", member.id));
        let request = request.bearer_auth(self.administrator.token.reveal());
        let list: List<Announce> =
            self.rest.read(request).await.context("cannot read a member's announces")?;
        Ok(list.items)
    }

    /// The member whose session is in this `Cookie` header; `None` without one.
    pub(crate) async fn visitor(&self, cookies: &str) -> anyhow::Result<Option<Visitor>> {
        let Ok(cookies) = reqwest::header::HeaderValue::from_str(cookies) else { return Ok(None) };
        let request = self.rest.get("/api/session").header(reqwest::header::COOKIE, cookies);
        let session: Option<Session> = self.rest.read_unless_unauthorized(request).await?;
        Ok(session.map(Visitor::from))
    }
}

/// Claims the invite at `link` and makes an API token for the new account.
async fn join(rest: &Rest, link: &str, name: &str, password: &Secret) -> anyhow::Result<Member> {
    let Claimed { id, name } = claim(rest, link, name, password).await?;
    let visit = Visit::start(rest, &name, password).await?;
    let request = visit.sign(rest.post("/api/tokens")).json(&json!({ "name": "swarm" }));
    let Token { token } = rest.read(request).await?;
    visit.leave(rest).await?;
    Ok(Member { id, name, token })
}

/// A password of 80 random bits that can be typed from a projector.
fn typable_password() -> anyhow::Result<Secret> {
    let mut bytes = [0; 10];
    random(&mut bytes)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase().into())
}

/// Makes a folder that other users can pass through, as PostgreSQL does under root. Secret files in it have modes of their
/// own.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}
