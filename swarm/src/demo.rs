//! `swarm demo`: site, tracker, clients and page together, until Ctrl-C.

mod folders;
mod following;
mod lessons;
mod notices;
mod orders;
mod painting;
mod participant;
mod programs;
mod published;
mod world;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, value_parser};
use futures_util::future::try_join_all;
use infra::folder::default_folder;
use infra::refusal::Refusal;
use infra::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::Kind;
use crate::control::{self, PendingCommand};
use crate::network::{Families, Network};
use crate::site::{self, RunningSite};
use crate::sources::{self, Event, Sources};
use crate::{enter, page};
use world::{MOST_CLIENTS, World};

/// Time between two pictures.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Addresses of site and tracker on the bridge.
const SITE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)), 8000);
const TRACKER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)), 8080);

/// KiB a second that a client can be limited to, at most: more than any sends here, and a number that all programs take.
const MOST_RATE: u32 = 1_000_000;

/// Wait for tasks to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// `swarm demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// Files and folders to share; each becomes a torrent, also those that are put there later
    #[arg(long, value_name = "DIR", default_value = "sources")]
    pub(crate) sources: PathBuf,
    /// Clients that are given the content
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) seeders: u16,
    /// Clients that begin with nothing
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) leechers: u16,
    /// Programs to use, in turn
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "rtorrent,transmission,qbittorrent,aria2,libtorrent"
    )]
    pub(crate) clients: Vec<Kind>,
    /// Where the browser finds the site
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8000", value_parser = site_address)]
    pub(crate) site: SocketAddr,
    /// KiB a second that each client may send, and fetch; 0 for no limit
    #[arg(long, value_name = "KiB/s", default_value_t = 2048, value_parser = value_parser!(u32).range(..=i64::from(MOST_RATE)))]
    pub(crate) rate: u32,
    /// Where everything is kept; emptied at the start [default: `$XDG_DATA_HOME/fairywren-demo`, else
    /// `~/.local/share/fairywren-demo`, for root `/var/lib/fairywren-demo`]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Runs inside the network until SIGINT or SIGTERM.
pub(crate) fn run(options: &Demo) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let outcome = runtime.block_on(demonstrate(options));
    // A thread that reads from a dead disk does not end.
    runtime.shutdown_timeout(STOP_TIMEOUT);
    outcome
}

impl Demo {
    /// Checks the options before anything is touched. The data folder.
    ///
    /// # Errors
    /// A [`Refusal`] of options that cannot work.
    fn check(&self) -> anyhow::Result<PathBuf> {
        let clients = usize::from(self.seeders) + usize::from(self.leechers);
        if clients > MOST_CLIENTS {
            return Err(Refusal(format!(
                "{clients} clients are too many: {MOST_CLIENTS} is the most that --seeders and --leechers may be \
                 together"
            ))
            .into());
        }
        let data = self.data.clone().map_or_else(|| default_folder("fairywren-demo"), Ok)?;
        let data = std::path::absolute(data).context("cannot find the data folder's absolute path")?;
        folders::check(&self.sources, &data)?;
        control::check(&data)?;
        programs::check(&self.clients)?;
        Ok(data)
    }
}

async fn demonstrate(options: &Demo) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let mut signalled = pin!(shutdown.signalled());
    let data = options.check()?;
    let sources = folders::sources(&options.sources)?;
    let (data, _lock) = folders::fresh(&data)?;
    let mut demonstration = tokio::select! {
        biased;
        signalled = &mut signalled => return Ok(signalled?),
        started = RunningDemo::start(options, sources, &data, &shutdown) => started?,
    };
    let outcome = tokio::select! {
        signalled = &mut signalled => signalled.map_err(Into::into),
        lived = demonstration.live() => lived,
    };
    tracing::info!("the demonstration stops");
    demonstration.world.end().await;
    shutdown.finish(STOP_TIMEOUT).await;
    outcome
}

/// The parts of a running demonstration.
struct RunningDemo {
    world: Arc<World>,
    site: Arc<RunningSite>,
    commands: mpsc::Receiver<PendingCommand>,
    sources: mpsc::Receiver<Event>,
}

impl RunningDemo {
    /// Starts site, tracker, page and clients, and prints the page's address with the administrator's name and password.
    async fn start(
        options: &Demo,
        sources: PathBuf,
        data: &Path,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        sources::generate(&sources)?;
        // A source counts only after some seconds: they pass while the rest starts.
        let sources = Sources::new(sources).watch();
        let socket = enter::site_socket()?;
        socket.set_nonblocking(true)?;
        let url = format!("http://{}", reachable(socket.local_addr()?));
        let network = Network::make(Families::V4)?;
        let site = Arc::new(RunningSite::start(on_the_bridge(data, &url)?).await?);
        let world = World::new(
            Arc::clone(&site),
            network,
            data.join("clients"),
            Some(options.rate).filter(|rate| *rate > 0),
        )?;
        let world = Arc::new(world);
        let (sender, commands) = mpsc::channel(16);
        let state = page::State {
            pictures: world.pictures(),
            orders: sender.clone(),
            site: SITE,
            visitors: Arc::clone(&site) as Arc<dyn page::Visitors>,
        };
        let listener = control::listen(data)?;
        tokio::spawn(control::serve(listener, sender));
        shutdown.spawn(page::serve(state, tokio::net::TcpListener::from_std(socket)?, shutdown.clone()));
        let (name, password) = site.administrator();
        println!("page {url}/demo\nname {name}\npassword {}", password.reveal());
        let kinds = options.clients.iter().copied().cycle();
        let roles = (0..options.seeders).map(|_| true).chain((0..options.leechers).map(|_| false));
        try_join_all(kinds.zip(roles).map(|(kind, seeder)| world.settle(kind, seeder))).await?;
        println!("ready");
        Ok(Self { world, site, commands, sources })
    }

    /// Follows the sources and carries out commands, until the site ends.
    async fn live(&mut self) -> anyhow::Result<()> {
        let Self { world, site, commands, sources } = self;
        let mut ticks = interval(PICTURE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let paint = async {
            loop {
                ticks.tick().await;
                world.paint().await;
            }
        };
        let obey = async {
            while let Some((command, answer)) = commands.recv().await {
                let world = Arc::clone(world);
                tokio::spawn(async move {
                    let done = world.carry_out(command).await.map_err(|error| format!("{error:#}"));
                    // The receiver may be gone.
                    let _ = answer.send(done);
                });
            }
        };
        tokio::select! {
            () = paint => {}
            // Beside the sources, so that commands do not wait for them.
            () = obey => {}
            () = following::follow(world, sources) => bail!("the thread that watches the sources has ended"),
            said = site.ended() => bail!("the site has ended: {said}"),
        }
        Ok(())
    }
}

/// Options of the site, which listens on the bridge and has browsers at `url`.
fn on_the_bridge(data: &Path, url: &str) -> anyhow::Result<site::Options> {
    Ok(site::Options {
        program: site::program()?,
        folder: data.join("site"),
        site: SITE,
        tracker: vec![TRACKER],
        api_url: Some(url.to_owned()),
        tracker_url: None,
        pace: site::Pace::default(),
    })
}

/// The address at which a browser of this machine reaches a listener at `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Parses a numeric address, as no name server can be reached in the network; `localhost` is understood, too.
fn site_address(text: &str) -> Result<SocketAddr, String> {
    let numbers = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numbers.as_deref().unwrap_or(text).parse().map_err(|_| {
        "name an address and a port in numbers, such as 127.0.0.1:8000, [::1]:8000 or 0.0.0.0:8000".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_s_address_is_understood_and_can_be_opened() {
        for (text, shown) in [
            ("localhost:8000", "127.0.0.1:8000"),
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:8000", "192.0.2.1:8000"),
        ] {
            let address = site_address(text).expect(text);
            assert_eq!(reachable(address).to_string(), shown);
        }
        assert!(site_address("localhost").expect_err("no port").contains("127.0.0.1:8000"));
        assert!(site_address("example.org:80").is_err());
    }
}
