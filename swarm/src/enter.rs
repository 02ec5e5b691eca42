//! Enters a network without a way out: the program starts itself once more in namespaces of its own.
//!
//! The outer process stays in the host's network and waits. The inner one is the first of its process namespace, so that all
//! processes in there end with it. Its standard output is a socket to the outer one, which copies to its own. In the other
//! direction nothing is sent: end-of-file tells the inner process to stop, or that the outer one is gone.

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

/// An environment variable that is set for the inner process.
const INSIDE: &str = "SWARM_INSIDE";

/// Wait of the inner process for its task to stop, before it exits: longer than the task waits for clients and site.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// How much longer the outer process waits before it kills them all, which may be frozen.
const KILL_DELAY: Duration = Duration::from_secs(5);

/// Runs `task` in namespaces of its own: network, processes, shared memory, and users for an ordinary user. All processes in
/// them end with the task. `site` is bound before, in the host's network; the task takes the socket with [`site_socket`].
///
/// The task has to stop soon after SIGTERM. In the outer process this does not return: it exits with the task's status.
///
/// # Errors
/// Errors of the task, and a [`Refusal`] where the system allows no namespaces or `site` is in use.
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
    let (line, inner_end) = UnixStream::pair().context("cannot make a socket to the inner process")?;
    command
        .arg("--")
        .arg(std::env::current_exe().context("cannot find the path of this program")?)
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

/// The listening socket in the host's network that [`inside`] was given the address of.
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

/// Starts the inner process and waits until it and its descendants have ended. A signal asks it to stop, a second one kills
/// them all.
async fn attend(mut command: Command, line: UnixStream) -> anyhow::Result<ExitStatus> {
    let mut signals =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    let mut child = command.spawn().context("cannot run `unshare` (Debian package util-linux)")?;
    // It holds the inner end of the socket.
    drop(command);
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let copying = {
        let mut line = line.try_clone().context("cannot duplicate the socket to the inner process")?;
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
            deadline = Some(Instant::now() + STOP_TIMEOUT + KILL_DELAY);
            // The inner process may have ended.
            let _ = line.shutdown(Shutdown::Write);
        } else if let Some(group) = group {
            // Killing the first process of a namespace kills all others in it.
            let _ = kill_process_group(group, Signal::KILL);
            deadline = None;
        }
    };
    // The inner process has ended, or ends now where only `unshare` was killed.
    let _ = line.shutdown(Shutdown::Write);
    let _ = copying.join();
    Ok(status)
}

/// Copies the inner process's output to ours at once, and drops it when nobody reads ours any more.
///
/// Not by `io::copy`, which splices from a socket into a pipe: the kernel then holds bytes back until more come.
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

/// The exit code as shells have it: 128 plus the signal's number for a process that was killed.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
