//! Fills a database with torrents, in bulk and past the triggers.

use std::fmt::Write as _;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use infra::testing::TestDatabase;
use tokio_postgres::Client;

use crate::titles::{Random, Titles};

const FILES: u64 = 5;
/// Rows in one message.
const CHUNK: u32 = 5000;

/// Indexes that are quicker made at the end.
const LATER: [&str; 7] = [
    "create index torrents_by_title on torrents (lower(title), id)",
    "create index torrents_by_size on torrents (size, id)",
    "create index torrents_by_file_count on torrents (file_count, id)",
    "create index torrents_by_snatched on torrents (snatched, id)",
    "create index torrents_search on torrents using gin (search)",
    "alter table files add primary key (torrent_id, position)",
    "insert into title_words
     select word, word_variants(word)
     from (select distinct word from torrents, regexp_split_to_table(words(title), ' ') as word
           where length(word) between 4 and 24) as used",
];

/// Puts `torrents` torrents and five times as many files into an empty database.
pub(crate) async fn fill(database: &TestDatabase, torrents: u32) {
    let client = database.client().await.expect("a connection");
    let run = async |sql: &str| client.batch_execute(sql).await.expect("a statement");
    run("set session_replication_role = replica; set maintenance_work_mem = '512MB'; set synchronous_commit = off").await;
    run("drop index torrents_by_title, torrents_by_size, torrents_by_file_count, torrents_by_snatched,
         torrents_search;
         alter table files drop constraint files_pkey;
         insert into users (name, password_hash) select 'member' || n, '' from generate_series(1, 100) as n;
         create unlogged table staging (id integer, title text, names text, size bigint, seeders integer,
                                        leechers integer)")
    .await;
    let titles = Titles::new();
    copy(&client, "staging", torrents, |number, out| torrent(&titles, number, out)).await;
    copy(&client, "files", torrents, |number, out| files(&titles, number, out)).await;
    println!("copied");
    spread(database, torrents).await;
    run("insert into torrent_counts (torrent_id, seeders, leechers) select id, seeders, leechers from staging;
         select setval(pg_get_serial_sequence('torrents', 'id'), (select max(id) from torrents));
         drop table staging")
    .await;
    println!("stored");
    for sql in LATER {
        run(sql).await;
    }
    run("vacuum analyze").await;
}

/// Makes torrents of the staged rows, on two connections at once.
async fn spread(database: &TestDatabase, torrents: u32) {
    let half = torrents / 2;
    let part = async |from: u32, to: u32| {
        let client = database.client().await.expect("a connection");
        let sql = format!(
            "set session_replication_role = replica;
             insert into torrents (id, info_hash_v1, title, size, file_count, uploader_id, created_at, snatched, search)
             overriding system value
             select id, substring(sha256(int4send(id)) from 1 for 20), title, size, {FILES}, 1 + id % 100,
                    timestamptz '2020-01-01' + id * interval '3 minutes', seeders * 3, search_words(title, names)
             from staging where id between {from} and {to} order by id"
        );
        client.batch_execute(&sql).await.expect("a statement");
    };
    tokio::join!(part(1, half), part(half + 1, torrents));
}

async fn copy(client: &Client, table: &str, torrents: u32, row: impl Fn(u32, &mut String)) {
    let sink = client.copy_in(&format!("copy {table} from stdin")).await.expect("a copy");
    let mut sink = pin!(sink);
    let mut text = String::new();
    for number in 1..=torrents {
        row(number, &mut text);
        if number % CHUNK == 0 || number == torrents {
            sink.send(Bytes::from(std::mem::take(&mut text))).await.expect("rows");
        }
    }
    sink.close().await.expect("the end of a copy");
}

fn torrent(titles: &Titles, id: u32, out: &mut String) {
    let number = u64::from(id - 1);
    let mut random = Random::new(number + 9_000_000_000);
    let names: Vec<String> = (0..FILES).map(|place| titles.file(number, place)).collect();
    // Most torrents have no peer.
    let seeders = if random.below(4) == 0 { random.below(100).pow(2) / 50 } else { 0 };
    let leechers = seeders / (1 + random.below(9));
    let size = 1 + random.below(1 << 36);
    let title = titles.title(number);
    writeln!(out, "{id}\t{title}\t{}\t{size}\t{seeders}\t{leechers}", names.join(" ")).expect("a row");
}

fn files(titles: &Titles, id: u32, out: &mut String) {
    let number = u64::from(id - 1);
    for place in 0..FILES {
        let size = 1 + Random::new(number * 7 + place).below(1 << 33);
        writeln!(out, "{id}\t{place}\t{}\t{size}", titles.file(number, place)).expect("a row");
    }
}
