//! A process and all that it started, to see later whether anything is left of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

/// Processes with the times of their starts, as numbers are given out again, and the networks that they are in.
#[derive(Debug)]
pub(super) struct Family {
    processes: BTreeSet<(u32, u64)>,
    networks: BTreeSet<PathBuf>,
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy)]
struct Life {
    parent: u32,
    begin: u64,
}

impl Family {
    /// The process `first`, its children, theirs, and so on. Our own network is none of theirs.
    pub(super) fn of(first: u32) -> anyhow::Result<Self> {
        let lives = lives()?;
        let mut pids = BTreeSet::from([first]);
        loop {
            let children = lives.iter().filter(|(_, life)| pids.contains(&life.parent)).map(|(pid, _)| *pid);
            let more: BTreeSet<u32> = children.filter(|pid| !pids.contains(pid)).collect();
            if more.is_empty() {
                break;
            }
            pids.extend(more);
        }
        let own = fs::read_link("/proc/self/ns/net").context("the own network")?;
        let networks =
            pids.iter().filter_map(|pid| network(*pid)).filter(|network| *network != own).collect();
        let processes = pids.iter().filter_map(|pid| Some((*pid, lives.get(pid)?.begin))).collect();
        Ok(Self { processes, networks })
    }

    /// How many of the processes still live, and in how many of the networks anybody is.
    pub(super) fn left(&self) -> anyhow::Result<(usize, usize)> {
        let lives = lives()?;
        let processes =
            lives.iter().filter(|(pid, life)| self.processes.contains(&(**pid, life.begin))).count();
        let present: BTreeSet<PathBuf> = lives.keys().filter_map(|pid| network(*pid)).collect();
        Ok((processes, self.networks.intersection(&present).count()))
    }
}

/// The network that a process is in; none if it is gone or somebody else's.
fn network(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

fn lives() -> anyhow::Result<BTreeMap<u32, Life>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Some are gone by now.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // A name may have spaces and brackets in it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if let [state, parent, ..] = fields[..]
            && let Some(begin) = fields.get(19)
            && state != "Z"
        {
            found.insert(pid, Life { parent: parent.parse()?, begin: begin.parse()? });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_is_left_is_seen_until_it_ends() {
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", "cat; true"]).stdin(Stdio::piped()).spawn().expect("a shell");
        // Its child is there after a moment.
        let family = loop {
            let family = Family::of(shell.id()).expect("a family");
            if family.processes.len() == 2 {
                break family;
            }
        };
        assert_eq!(family.left().expect("a look"), (2, 0));
        drop(shell.stdin.take());
        shell.wait().expect("its end");
        assert_eq!(family.left().expect("a look"), (0, 0));
    }
}
