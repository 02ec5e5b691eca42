//! Into a network without a way out: the program starts itself once more in namespaces of its own.
//!
//! The outer process stays in the host's network and waits; the inner one is the first of its process namespace, so that
//! nothing in there outlives it. Its standard output is a socket to the outer one, which writes what comes out of it.
//! The outer one says nothing on it: its half ends when the outer one was told to stop, or is gone.

mod allowed;
mod lifeline;
#[cfg(test)]
pub(crate) mod tests;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use infra::refusal::Refusal;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// Tells the inner process that it is the inner one.
const INSIDE: &str = "SWARM_INSIDE";

/// How long the inner process has after it was asked to stop, before it ends itself: longer than its clients and its site
/// are waited for.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// What the outer process waits longer before it kills all of them, in case they are frozen.
const MORE: Duration = Duration::from_secs(5);

/// Runs `task` in namespaces of its own (network, processes, shared memory; of users for an ordinary user), whose end ends
/// everything in them. `site` is bound before, in the host's network; the task finds the socket with [`site_socket`].
///
/// The task stops at SIGTERM, and has to be done with that soon. Where it was started from, this does not return: the
/// process ends with the task's exit status.
///
/// # Errors
/// Those of the task, and [`Refusal`] where the system allows no namespaces or `site` is taken.
pub(crate) fn inside(
    site: Option<SocketAddr>,
    task: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        ensure!(
            std::process::id() == 1,
            "{INSIDE} is set, but this process is the first of no namespace: unset it"
        );
        lifeline::watch()?;
        return task();
    }
    let mut command = allowed::unshare()?;
    let listener = site.map(listen).transpose()?;
    let (line, inner_end) = UnixStream::pair().context("cannot make a socket")?;
    command
        .arg("--")
        .arg(std::env::current_exe().context("cannot find the own program")?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .stdin(listener.map_or_else(Stdio::null, |listener| OwnedFd::from(listener).into()))
        .stdout(OwnedFd::from(inner_end))
        // Ctrl-C is for the outer process alone.
        .process_group(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(attend(command, line))?;
    std::process::exit(exit_code(status));
}

/// The socket of the host's network that `inside` was given an address for.
pub(crate) fn site_socket() -> anyhow::Result<TcpListener> {
    let socket = io::stdin().as_fd().try_clone_to_owned().context("cannot take the site's socket")?;
    let socket = TcpListener::from(socket);
    socket.local_addr().context("standard input is not the site's socket")?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> Result<TcpListener, Refusal> {
    TcpListener::bind(address)
        .map_err(|error| Refusal(format!("cannot listen on {address}; choose another with --site ({error})")))
}

/// Starts the inner process and waits until it and all that it started have ended. A signal asks it to stop, a second
/// one kills everything.
async fn attend(mut command: Command, line: UnixStream) -> anyhow::Result<ExitStatus> {
    let mut signals =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    let mut child = command.spawn().context("cannot run `unshare` (Debian package util-linux)")?;
    // It holds the inner end of the line.
    drop(command);
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let copying = {
        let mut line = line.try_clone().context("cannot keep the socket")?;
        thread::spawn(move || copy(&mut line))
    };
    let mut deadline = None;
    let status = loop {
        let [interrupt, terminate, hangup] = &mut signals;
        tokio::select! {
            status = child.wait() => break status.context("cannot wait for the inner process")?,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
        }
        if deadline.is_none() {
            deadline = Some(Instant::now() + STOP_TIMEOUT + MORE);
            // It may have ended by now.
            let _ = line.shutdown(Shutdown::Write);
        } else if let Some(group) = group {
            // The death of a process namespace's first process is that of all others.
            let _ = kill_process_group(group, Signal::KILL);
            deadline = None;
        }
    };
    // Everybody who could write has ended, or is told to: only `unshare` may have been killed.
    let _ = line.shutdown(Shutdown::Write);
    let _ = copying.join();
    Ok(status)
}

/// Copies what the inner process says as soon as it says it; when nobody reads it any more, it is thrown away.
///
/// By hand: `io::copy` splices from a socket into a pipe, and the kernel keeps back what it has until more comes.
fn copy(line: &mut UnixStream) {
    let mut buffer = [0; 4096];
    let mut is_read = true;
    loop {
        match line.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => is_read = is_read && say(buffer.get(..length).unwrap_or_default()).is_ok(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// As a shell has it: 128 and the signal's number for a process that was killed.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
