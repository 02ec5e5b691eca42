//! Controls a running demonstration: what its page and `swarm ctl` can have it do.

use std::fs::Permissions;
use std::io::{BufRead, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use infra::folder::default_folder;
use infra::refusal::Refusal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::client::Kind;

/// `swarm ctl`.
#[derive(Debug, Args)]
pub(crate) struct Ctl {
    /// The demonstration's folder, as `swarm demo --data`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: ControlCommand,
}

/// What to do. The page's form and the socket use the same words.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum ControlCommand {
    /// Make a client a seeder of a torrent: it is given the content.
    Seed {
        /// As the page names it
        client: String,
        /// Title or id
        torrent: String,
    },
    /// Make a client a leecher of a torrent: it begins with nothing.
    Leech {
        /// As the page names it
        client: String,
        /// Title or id
        torrent: String,
    },
    /// Stop a client's program.
    Stop {
        /// As the page names it
        client: String,
    },
    /// Start a client's program again.
    Start {
        /// As the page names it
        client: String,
    },
    /// `kill -9` a client's program.
    Kill {
        /// As the page names it
        client: String,
    },
    /// Hold a client to so many KiB a second; without a number, to none.
    Throttle {
        /// As the page names it
        client: String,
        /// KiB a second
        rate: Option<u32>,
    },
    /// Take a client's network away.
    Cut {
        /// As the page names it
        client: String,
    },
    /// Give a client its network back.
    Restore {
        /// As the page names it
        client: String,
    },
    /// Add a client, which leeches everything.
    Add {
        /// Its program
        kind: Kind,
    },
    /// Say what there is, as JSON.
    Show,
}

/// A command, and where the sentence is sent that says what was done, or why it was not.
pub(crate) type PendingCommand = (ControlCommand, oneshot::Sender<Result<String, String>>);

/// Bytes of a command, at most.
const MAX_COMMAND: u64 = 64 * 1024;

/// Wait for a connection to send its command.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Wait for the demonstration to answer: a slow client may have to copy content.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Time between two tries to accept a connection while too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The path of the control socket in a demonstration's folder.
fn socket(data: &Path) -> PathBuf {
    data.join("control")
}

/// Checks that the path of the control socket fits into 107 bytes.
///
/// # Errors
/// A [`Refusal`] of a longer path.
pub(crate) fn check(data: &Path) -> Result<(), Refusal> {
    match std::os::unix::net::SocketAddr::from_pathname(socket(data)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal(format!(
            "the path {} is too long for a socket below it: choose a shorter one with --data",
            data.display()
        ))),
    }
}

/// Listens for `swarm ctl` in the folder `data`, whose owner alone can reach it.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn listen(data: &Path) -> anyhow::Result<UnixListener> {
    let path = socket(data);
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen at {}", path.display()))?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Accepts commands until the process stops: one line of JSON a connection, and one line in answer.
pub(crate) async fn serve(listener: UnixListener, commands: mpsc::Sender<PendingCommand>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let commands = commands.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, commands).await {
                tracing::debug!(%error, "a connection to the control socket broke");
            }
        });
    }
}

async fn answer(stream: UnixStream, commands: mpsc::Sender<PendingCommand>) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader).take(MAX_COMMAND);
    tokio::time::timeout(READ_TIMEOUT, reader.read_line(&mut line)).await??;
    let result = match serde_json::from_str::<ControlCommand>(&line) {
        Ok(command) => ask(&commands, command).await,
        Err(error) => Err(format!("cannot read the command: {error}")),
    };
    writer.write_all(format!("{}\n", serde_json::to_string(&result)?).as_bytes()).await?;
    Ok(())
}

/// Has a command carried out, and waits for the sentence in answer.
pub(crate) async fn ask(
    commands: &mpsc::Sender<PendingCommand>,
    command: ControlCommand,
) -> Result<String, String> {
    let (sender, answer) = oneshot::channel();
    let stopping = || "the demonstration is stopping".to_owned();
    commands.send((command, sender)).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

/// Sends the command of the command line to the demonstration, and prints the answer.
pub(crate) fn run(options: &Ctl) -> anyhow::Result<()> {
    let data = options.data.clone().map_or_else(|| default_folder("fairywren-demo"), Ok)?;
    println!("{}", tell(&data, &options.command)?);
    Ok(())
}

/// Sends a command to the demonstration in the folder `data`. Its answer.
///
/// # Errors
/// A sentence, where none runs there or it refuses.
pub(crate) fn tell(data: &Path, command: &ControlCommand) -> anyhow::Result<String> {
    ask_within(data, command, ANSWER_TIMEOUT)
}

fn ask_within(data: &Path, command: &ControlCommand, limit: Duration) -> anyhow::Result<String> {
    let connected = std::os::unix::net::UnixStream::connect(socket(data));
    let mut stream = connected.map_err(|error| unreachable(data, &error))?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(format!("{}\n", serde_json::to_string(command)?).as_bytes())?;
    let mut line = String::new();
    if let Err(error) = std::io::BufReader::new(stream).read_line(&mut line) {
        if error.kind() == ErrorKind::WouldBlock {
            bail!("the demonstration has not answered for {} s; it may do it all the same", limit.as_secs());
        }
        return Err(error).context("the demonstration has ended");
    }
    let answer: Result<String, String> =
        serde_json::from_str(&line).context("the demonstration has ended")?;
    Ok(answer.map_err(Refusal)?)
}

/// Why the demonstration in the folder `data` cannot be reached.
fn unreachable(data: &Path, error: &std::io::Error) -> Refusal {
    let data = data.display();
    Refusal(if error.kind() == ErrorKind::PermissionDenied {
        format!("the demonstration on {data} belongs to another user: tell it as that user, or as root")
    } else {
        format!("no demonstration runs on {data}: start `swarm demo` first, or name its folder with --data")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_silent_demonstration_times_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let _listener = UnixListener::bind(socket(folder.path())).expect("a socket");
        let error =
            ask_within(folder.path(), &ControlCommand::Show, Duration::from_millis(50)).expect_err("silence");
        assert!(error.to_string().contains("has not answered"), "{error}");
    }

    #[test]
    fn another_user_s_demonstration_is_told_apart_from_none() {
        let said = |kind: ErrorKind| unreachable(Path::new("/data"), &kind.into()).to_string();
        assert!(said(ErrorKind::PermissionDenied).contains("another user"));
        assert!(said(ErrorKind::NotFound).contains("start `swarm demo` first"));
        assert!(said(ErrorKind::ConnectionRefused).contains("start `swarm demo` first"));
    }

    #[test]
    fn a_path_that_is_too_long_is_refused() {
        check(Path::new("/var/lib/fairywren-demo")).expect("it fits");
        let error = check(&Path::new("/tmp").join("x".repeat(120))).expect_err("it does not fit");
        assert!(error.to_string().contains("--data"), "{error}");
    }
}
