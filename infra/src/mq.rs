//! `ZeroMQ` sockets between tracker and webapi.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use zeromq::{Socket, ZmqMessage};

/// Binds `socket` to `endpoint`, `ipc:///PATH` or `tcp://ADDRESS:PORT`.
///
/// The folder of an `ipc` path is created with mode 0700, because anyone who can write to the socket can act as the
/// other process. A socket file that a killed process left is removed first.
pub async fn bind(socket: &mut impl Socket, endpoint: &str) -> anyhow::Result<()> {
    if let Some(path) = endpoint.strip_prefix("ipc://").map(Path::new) {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", path.display()));
            }
            _ => {}
        }
    }
    socket.bind(endpoint).await.with_context(|| format!("cannot bind {endpoint}"))?;
    Ok(())
}

/// A message of `frames`, of which there must be at least one.
pub fn message(frames: impl IntoIterator<Item = Bytes>) -> anyhow::Result<ZmqMessage> {
    let frames: Vec<Bytes> = frames.into_iter().collect();
    ZmqMessage::try_from(frames).map_err(|_| anyhow::anyhow!("a ZeroMQ message without frames"))
}
