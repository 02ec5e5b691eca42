//! Watches the outer process from the inner one.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::dup2_stdout;

use super::STOP_TIMEOUT;

/// Time between two requests to stop: the task may not handle signals yet.
const STOP_EVERY: Duration = Duration::from_millis(200);

/// Starts a thread that ends this process when the outer one asks for it or is gone.
pub(super) fn watch() -> anyhow::Result<()> {
    let line = io::stdout().as_fd().try_clone_to_owned().context("cannot watch the outer process")?;
    let mut line = UnixStream::from(line);
    let task = move || {
        // Nothing is sent: this returns at end-of-file.
        let _ = io::copy(&mut line, &mut io::sink());
        stop(&line);
    };
    thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(task)
        .context("cannot start the thread that watches the outer process")?;
    Ok(())
}

/// Asks the task to stop, then exits.
fn stop(line: &UnixStream) -> ! {
    let start = Instant::now();
    // The kernel drops signals to the first process of a namespace that it does not handle.
    while start.elapsed() < STOP_TIMEOUT && handles(Signal::TERM) {
        silence(line);
        let _ = kill_process(getpid(), Signal::TERM);
        thread::sleep(STOP_EVERY);
    }
    std::process::exit(128 + Signal::TERM.as_raw());
}

/// Redirects standard output to /dev/null once the outer process is gone: `println!` panics where it cannot write.
fn silence(line: &UnixStream) {
    let mut ends = [PollFd::new(line, PollFlags::empty())];
    let is_known = poll(&mut ends, Some(&Timespec::default())).is_ok();
    if is_known
        && ends[0].revents().contains(PollFlags::HUP)
        && let Ok(nowhere) = File::options().write(true).open("/dev/null")
    {
        let _ = dup2_stdout(&nowhere);
    }
}

/// Whether the process has a handler for `signal`.
fn handles(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}
