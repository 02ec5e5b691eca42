//! A process and its descendants, to see later whether any of them is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use anyhow::Context;

/// Processes and the network namespaces that they are in. A process id is used again, so that each has its start time.
#[derive(Debug)]
pub(super) struct ProcessTree {
    processes: BTreeSet<(u32, u64)>,
    /// By inode number. Each is held open: otherwise the kernel could give the number to the next network.
    networks: BTreeMap<u64, File>,
}

/// A process, by `/proc/PID/stat`.
#[derive(Debug, Clone, Copy)]
struct ProcessStat {
    parent: u32,
    begin: u64,
}

impl ProcessTree {
    /// The process `first` and all its descendants. Our own network is not counted.
    pub(super) fn of(first: u32) -> anyhow::Result<Self> {
        let stats = stats()?;
        let mut pids = BTreeSet::from([first]);
        loop {
            let children = stats.iter().filter(|(_, stat)| pids.contains(&stat.parent)).map(|(pid, _)| *pid);
            let more: BTreeSet<u32> = children.filter(|pid| !pids.contains(pid)).collect();
            if more.is_empty() {
                break;
            }
            pids.extend(more);
        }
        let own = fs::metadata("/proc/self/ns/net").context("cannot read the own network namespace")?.ino();
        let networks =
            pids.iter().filter_map(|pid| network(*pid)).filter(|(number, _)| *number != own).collect();
        let processes = pids.iter().filter_map(|pid| Some((*pid, stats.get(pid)?.begin))).collect();
        Ok(Self { processes, networks })
    }

    /// The number of processes that still live, and of networks that any process is in.
    pub(super) fn left(&self) -> anyhow::Result<(usize, usize)> {
        let stats = stats()?;
        let processes =
            stats.iter().filter(|(pid, stat)| self.processes.contains(&(**pid, stat.begin))).count();
        let present: BTreeSet<u64> = stats.keys().filter_map(|pid| Some(network(*pid)?.0)).collect();
        Ok((processes, self.networks.keys().filter(|number| present.contains(number)).count()))
    }
}

/// The network namespace of a process, by inode number; none if the process is gone or another user's.
fn network(pid: u32) -> Option<(u64, File)> {
    let file = File::open(format!("/proc/{pid}/ns/net")).ok()?;
    Some((file.metadata().ok()?.ino(), file))
}

fn stats() -> anyhow::Result<BTreeMap<u32, ProcessStat>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("cannot list the processes in /proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may have ended since `read_dir`.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The process's name, in parentheses, may hold spaces and parentheses.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if let [state, parent, ..] = fields[..]
            && let Some(begin) = fields.get(19)
            && state != "Z"
        {
            found.insert(pid, ProcessStat { parent: parent.parse()?, begin: begin.parse()? });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use rustix::process::geteuid;

    use super::*;

    #[test]
    fn what_is_left_is_seen_until_it_ends() {
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", "cat; true"]).stdin(Stdio::piped()).spawn().expect("a shell");
        // Its child is there after a moment.
        let tree = loop {
            let tree = ProcessTree::of(shell.id()).expect("its processes");
            if tree.processes.len() == 2 {
                break tree;
            }
        };
        assert_eq!(tree.left().expect("its processes"), (2, 0));
        drop(shell.stdin.take());
        shell.wait().expect("its end");
        assert_eq!(tree.left().expect("its processes"), (0, 0));
    }

    #[test]
    fn a_network_of_others_is_not_taken_for_one_that_is_left() {
        let (first, tree) = in_a_network();
        assert_eq!(tree.left().expect("its processes"), (1, 1));
        end(first);
        // The system gives a number out again once it has cleared the network, which is some time after its end; then
        // somebody else may be the one to get it.
        let (second, of_second) = in_a_network();
        let number = *of_second.networks.keys().next().expect("a network");
        drop(of_second);
        end(second);
        for _ in 0..1000 {
            let (other, of_other) = in_a_network();
            assert_eq!(tree.left().expect("its processes"), (0, 0));
            end(other);
            if of_other.networks.contains_key(&number) {
                break;
            }
        }
    }

    /// A process in a network of its own.
    fn in_a_network() -> (Child, ProcessTree) {
        let user = (!geteuid().is_root()).then_some("--user");
        let mut command = Command::new("unshare");
        let command = command.args(user).args(["--net", "cat"]).stdin(Stdio::piped());
        let mut process = command.spawn().expect("a process");
        loop {
            let tree = ProcessTree::of(process.id()).expect("its processes");
            if !tree.networks.is_empty() {
                return (process, tree);
            }
            assert!(process.try_wait().expect("its state").is_none(), "no network can be made");
        }
    }

    fn end(mut process: Child) {
        drop(process.stdin.take());
        process.wait().expect("its end");
    }
}
