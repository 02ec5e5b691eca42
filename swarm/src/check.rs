//! `swarm check`: a demonstration without onlookers, and its figures against their goals.

mod content;
mod demonstration;
mod process_tree;

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use crate::control::ControlCommand;
use crate::sources;
use demonstration::Demonstration;

/// Goal: every client has everything.
const COMPLETE: Duration = Duration::from_mins(2);

/// Goal: every client has a file that was added to the sources meanwhile.
const DROPPED: Duration = Duration::from_mins(1);

/// Time that one client stays killed, and time that another one stays cut off after that: 20 s in all.
const KILLED: Duration = Duration::from_secs(5);
const CUT: Duration = Duration::from_secs(15);

/// Goal: the tracker's counts are the clients' own.
const SETTLED: Duration = Duration::from_secs(15);

/// Time between two looks at the picture.
const POLL: Duration = Duration::from_millis(250);

/// `swarm check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Clients that are given the content
    #[arg(long, value_name = "N", default_value_t = 2)]
    seeders: u16,
    /// Clients that begin with nothing
    #[arg(long, value_name = "N", default_value_t = 10)]
    leechers: u16,
    /// Multiplies the time that goals allow, on a machine that has much else to do
    #[arg(long, value_name = "FACTOR", default_value_t = 1)]
    slack: u32,
    /// Where everything is kept meanwhile; a new folder below it [default: the system's for such things]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// One line of the table.
struct Figure {
    what: &'static str,
    measured: String,
    goal: String,
    reached: bool,
}

/// Runs the check, prints a table, and fails when a goal is missed.
pub(crate) fn run(options: &Check) -> anyhow::Result<()> {
    let parent = options.data.clone().unwrap_or_else(std::env::temp_dir);
    let folder = parent.join(format!("fairywren-check-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let figures = check(options, &folder);
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%error, "cannot remove the folder {}", folder.display());
    }
    let figures = figures?;
    println!("\n| figure | measured | goal | |\n| --- | ---: | ---: | --- |");
    for Figure { what, measured, goal, reached } in &figures {
        println!("| {what} | {measured} | {goal} | {} |", if *reached { "reached" } else { "**missed**" });
    }
    if figures.iter().all(|figure| figure.reached) { Ok(()) } else { bail!("a figure misses its goal") }
}

fn check(options: &Check, folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let sources = folder.join("sources");
    sources::generate(&sources)?;
    let mut demonstration = Demonstration::start(folder, &sources, options.seeders, options.leechers)?;
    let mut figures = Vec::new();
    let outcome = measure(&mut demonstration, &sources, options.slack, &mut figures);
    let (processes, networks) = demonstration.stop()?;
    outcome?;
    figures.push(Figure {
        what: "processes and networks left behind",
        measured: format!("{processes}, {networks}"),
        goal: "0, 0".to_owned(),
        reached: (processes, networks) == (0, 0),
    });
    Ok(figures)
}

fn measure(
    demonstration: &mut Demonstration,
    sources: &Path,
    slack: u32,
    figures: &mut Vec<Figure>,
) -> anyhow::Result<()> {
    let [complete_goal, dropped_goal, settled_goal] = [COMPLETE, DROPPED, SETTLED].map(|goal| slack * goal);
    let begun = Instant::now();
    let troubled = trouble(demonstration, begun, complete_goal)?;
    let complete = wait(demonstration, complete_goal, |picture| is_complete(picture, 5))?;
    let identical = demonstration.compare(sources)?;
    figures.push(timed("all clients have everything", begun, complete_goal, complete));
    figures.push(counted("files identical (SHA-256)", identical));
    figures.push(Figure {
        what: "the client killed and the one cut off for 20 s have finished",
        measured: troubled.join(", "),
        goal: "both".to_owned(),
        reached: complete,
    });
    let picture = demonstration.picture()?;
    figures.push(share(&picture, demonstration.leechers()?.len()));
    let dropped = Instant::now();
    demonstration::drop_file(sources)?;
    let arrived = wait(demonstration, dropped_goal, |picture| is_complete(picture, 6))?;
    figures.push(timed("a file put in meanwhile is at all clients", dropped, dropped_goal, arrived));
    figures.push(counted("files identical after that", demonstration.compare(sources)?));
    let removed = Instant::now();
    demonstration::take_out(sources)?;
    let left = wait(demonstration, dropped_goal, |picture| is_complete(picture, 5))?;
    figures.push(timed("taken out again, it has left the site and the clients", removed, dropped_goal, left));
    let settling = Instant::now();
    let equal = wait(demonstration, settled_goal, counts_agree)?;
    figures.push(timed("counts of the tracker are the clients' own", settling, settled_goal, equal));
    let picture = demonstration.picture()?;
    let outside =
        picture["outside"].as_array().context("the picture lacks the packets that wanted to leave")?;
    for packet in outside {
        eprintln!("wanted to leave: {packet}");
    }
    figures.push(Figure {
        what: "packets that wanted to leave the network",
        measured: outside.len().to_string(),
        goal: "0".to_owned(),
        reached: outside.is_empty(),
    });
    Ok(())
}

/// Kills one leecher and cuts another one off while they download; brings both back. Their names.
fn trouble(
    demonstration: &Demonstration,
    begun: Instant,
    complete_goal: Duration,
) -> anyhow::Result<[String; 2]> {
    let under_way = |picture: &Value| {
        let torrents = picture["torrents"].as_array();
        torrents.is_some_and(|it| it.len() >= 5 && it.iter().any(|torrent| !torrent["holders"].is_null()))
    };
    wait(demonstration, complete_goal, under_way)?;
    let leechers = demonstration.leechers()?;
    let [killed, .., cut] = &leechers[..] else { bail!("`swarm check` needs at least two leechers") };
    demonstration.command(&ControlCommand::Kill { client: killed.clone() })?;
    demonstration.command(&ControlCommand::Cut { client: cut.clone() })?;
    eprintln!("{killed} killed and {cut} cut off, {} s after the start", begun.elapsed().as_secs());
    sleep(KILLED);
    demonstration.command(&ControlCommand::Start { client: killed.clone() })?;
    sleep(CUT);
    demonstration.command(&ControlCommand::Restore { client: cut.clone() })?;
    Ok([killed.clone(), cut.clone()])
}

/// Waits until the picture fulfils `holds`, and says whether it did in time.
fn wait(
    demonstration: &Demonstration,
    limit: Duration,
    holds: impl Fn(&Value) -> bool,
) -> anyhow::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if holds(&demonstration.picture()?) {
            return Ok(true);
        }
        sleep(POLL);
    }
    Ok(false)
}

fn is_complete(picture: &Value, torrents: usize) -> bool {
    let all = picture["torrents"].as_array();
    all.is_some_and(|all| all.len() == torrents && all.iter().all(|torrent| torrent["completed"].is_u64()))
}

fn counts_agree(picture: &Value) -> bool {
    let all = picture["torrents"].as_array();
    all.is_some_and(|all| all.iter().all(|torrent| torrent["tracker"] == torrent["clients"]))
}

/// Ten leechers are to send at least half of all bytes; a few have to download more from the seeders.
fn share(picture: &Value, leechers: usize) -> Figure {
    let bytes = |name: &str| picture[name].as_u64().unwrap_or_default();
    let (all, by_leechers) = (bytes("sent"), bytes("sent_by_leechers"));
    let goal = if leechers < 10 { 10 } else { 50 };
    let measured = (100 * by_leechers).checked_div(all).unwrap_or_default();
    Figure {
        what: "share of bytes that leechers sent",
        measured: format!("{measured} %"),
        goal: format!("{goal} %"),
        reached: measured >= goal,
    }
}

fn timed(what: &'static str, since: Instant, goal: Duration, reached: bool) -> Figure {
    let measured = format!("{:.1} s", since.elapsed().as_secs_f64());
    Figure {
        what,
        measured,
        goal: format!("{} s", goal.as_secs()),
        reached: reached && since.elapsed() <= goal,
    }
}

fn counted(what: &'static str, (right, all): (usize, usize)) -> Figure {
    Figure { what, measured: right.to_string(), goal: all.to_string(), reached: right == all }
}
