//! Server time of the pages that lists are made of, with a million torrents: `cargo bench -p webapi --bench pages`.
//!
//! `FAIRYWREN_TEST_DATABASE` names the server as for tests. `TORRENTS` is how many (default 1,000,000, each with five
//! files), `ROUNDS` how often each page is asked for (default 500). With `KEEP` set the database stays and its name is
//! printed; `DATABASE` uses such a one again.
#![expect(clippy::expect_used, reason = "a bench fails by panicking")]

mod fill;
mod titles;

use std::env;
use std::path::Path;
use std::time::{Duration, Instant};

use infra::config::Config;
use infra::shutdown::Shutdown;
use infra::testing::TestDatabase;
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpListener;
use webapi::app::App;
use webapi::auth::account;
use webapi::server;

use titles::{NEVER_TOGETHER, Random, Titles};

/// Searches of one member at the same time.
const SEARCHES_AT_ONCE: usize = 16;

const PASSWORD: &str = "correct horse";

fn number(name: &str, otherwise: u32) -> u32 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let torrents = number("TORRENTS", 1_000_000);
    let rounds = number("ROUNDS", 500);
    let database = database(torrents).await;
    warm(&database).await;
    let url = serve(&database).await;
    let client = sign_in(&url, "reader").await;
    let titles = Titles::new();
    println!(
        "{torrents} torrents, {} files, {rounds} rounds, one connection, warm, milliseconds",
        torrents * 5
    );
    for (name, page) in [
        ("newest", Page::Newest),
        ("by seeders", Page::Seeders),
        ("search, two words", Page::Words),
        ("search, a typo", Page::Typo),
        ("search, file name", Page::File),
    ] {
        let mut times = Vec::new();
        for round in 0..rounds {
            let address = format!("{url}{}", page.address(&titles, torrents, round));
            let started = Instant::now();
            let answer = client.get(&address).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            let size = answer.bytes().await.expect("a body").len();
            let time = started.elapsed();
            if env::var_os("VERBOSE").is_some_and(|limit| {
                time > Duration::from_millis(limit.to_str().and_then(|it| it.parse().ok()).unwrap_or(15))
            }) {
                println!("  {:7.2}  {size}  {address}", millis(time));
            }
            times.push(time);
        }
        times.sort_unstable();
        print(name, &times);
    }
    never_together(&client, &url, rounds).await;
    if env::var_os("KEEP").is_some() || env::var_os("DATABASE").is_some() {
        println!("kept: DATABASE={}", database.owner.dbname);
    } else {
        database.drop_now().await.expect("the database drops");
    }
}

/// Searches for two frequent words that never meet, in each order of the list: one after the other, then many at once
/// while another member opens the first page.
async fn never_together(client: &Client, url: &str, rounds: u32) {
    let [first, second] = NEVER_TOGETHER;
    let mut addresses = Vec::new();
    for sort in ["added", "title", "size", "files", "seeders", "leechers", "snatched"] {
        for order in ["asc", "desc"] {
            let address = format!("{url}/?search={first}+{second}&sort={sort}&order={order}");
            let times = repeat(client, &address, (rounds / 50).max(5)).await;
            print(&format!("{sort} {order}, nothing"), &times);
            addresses.push(address);
        }
    }
    let other = sign_in(url, "other").await;
    let mut searches = tokio::task::JoinSet::new();
    for place in 0..SEARCHES_AT_ONCE {
        let (client, address) = (client.clone(), addresses[place % addresses.len()].clone());
        searches.spawn(async move {
            loop {
                // Whoever asks for too much is told to come back.
                let status = client.get(&address).send().await.expect("an answer").status();
                assert!(status.is_success() || matches!(status.as_u16(), 429 | 503), "{status}");
            }
        });
    }
    let times = repeat(&other, url, rounds).await;
    print("newest, others search", &times);
    searches.shutdown().await;
}

/// How long one page takes, again and again, the shortest first.
async fn repeat(client: &Client, address: &str, rounds: u32) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        let answer = client.get(address).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("a body");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times
}

fn print(name: &str, times: &[Duration]) {
    let at = |share: usize| millis(times[(times.len() - 1) * share / 100]);
    println!("{name:22} p50 {:7.2}  p99 {:7.2}  max {:7.2}", at(50), at(99), at(100));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A page to measure.
#[derive(Clone, Copy)]
enum Page {
    Newest,
    Seeders,
    Words,
    Typo,
    File,
}

impl Page {
    /// Another one in each round.
    fn address(self, titles: &Titles, torrents: u32, round: u32) -> String {
        let mut random = Random::new(u64::from(round) + 77);
        let torrent = random.below(torrents.into());
        let title = titles.title(torrent);
        let words: Vec<&str> = title.split([' ', '.']).collect();
        let mut word = || words[usize::try_from(random.below(words.len() as u64)).expect("small")];
        match self {
            Self::Newest => "/".to_owned(),
            Self::Seeders => "/?sort=seeders&order=desc".to_owned(),
            Self::Words => {
                let first = word();
                let second = (0..9).map(|_| word()).find(|it| *it != first).unwrap_or(first);
                format!("/?search={first}+{second}")
            }
            Self::Typo => {
                let long = words.iter().max_by_key(|it| it.len()).expect("a word");
                format!("/?search={}", titles::mistyped(long, round))
            }
            Self::File => {
                let file = titles.file(torrent, 0);
                let name = file.rsplit('/').next().expect("a name").replace('.', "+");
                format!("/?search={name}")
            }
        }
    }
}

/// A filled database.
async fn database(torrents: u32) -> TestDatabase {
    if let Ok(name) = env::var("DATABASE") {
        let server = infra::testing::server().expect("a server");
        return TestDatabase::named(&server, &name);
    }
    let database = TestDatabase::create().await.expect("a database");
    let started = Instant::now();
    fill::fill(&database, torrents).await;
    println!("filled {} in {:.0} s", database.owner.dbname, started.elapsed().as_secs_f64());
    database
}

/// Reads all of it once into the system's cache, as on a server that has run for a while.
async fn warm(database: &TestDatabase) {
    let read = "
        create extension if not exists pg_prewarm;
        select count(pg_prewarm(oid::regclass, 'read')) from pg_class
        where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace and relpersistence = 'p'";
    let client = database.client().await.expect("a connection");
    client.batch_execute(read).await.expect("pg_prewarm, of Debian's package postgresql");
}

/// The real site on a port of its own.
async fn serve(database: &TestDatabase) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut config = infra::testing::configuration(database);
    config["webapi"]["secure"] = false.into();
    config["webapi"]["requestsPerMinute"] = 1_000_000.into();
    config["apiUrl"] = url.clone().into();
    let config = Config::parse(&config.to_string(), Path::new("bench")).expect("a configuration");
    let app = App::new(config, Shutdown::default()).expect("an app");
    for name in ["reader", "other"] {
        // A database that is used again has the accounts already.
        let _ = account::add(&app, name, PASSWORD.to_owned().into(), &[]).await;
    }
    tokio::spawn(server::serve(app, listener));
    url
}

async fn sign_in(url: &str, name: &str) -> Client {
    let client = Client::builder().cookie_store(true).no_proxy().build().expect("a client");
    let body = json!({"username": name, "password": PASSWORD});
    let answer = client.post(format!("{url}/api/session")).json(&body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    client
}
