//! A proxy in the place of the database's socket that slows, cuts or swallows what passes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What becomes of bytes in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkCondition {
    /// They pass.
    Clear,
    /// They pass later.
    Late(Duration),
    /// So many pass every 10 ms.
    Narrow(usize),
    /// Half of a piece passes, then the connection ends. New ones end at once.
    Cut,
    /// They vanish, and the connections on which they did stay dead when the condition is `Clear` again.
    Swallowed,
}

/// The proxy; it ends with the test.
pub(crate) struct FaultyProxy {
    socket: PathBuf,
    condition: watch::Sender<LinkCondition>,
    /// The one who accepts, for one start of the server.
    listener: Option<(JoinSet<()>, u64)>,
}

impl FaultyProxy {
    /// For the server whose socket is in `folder`; nothing passes here until [`FaultyProxy::step_in`].
    pub(crate) fn before(folder: &Path) -> Self {
        let socket = folder.join(".s.PGSQL.5432");
        Self { socket, condition: watch::Sender::new(LinkCondition::Clear), listener: None }
    }

    pub(crate) fn set(&self, condition: LinkCondition) {
        self.condition.send_replace(condition);
    }

    /// Whether the socket is not ours: the server was started since we stepped in.
    pub(crate) fn is_bypassed(&self) -> bool {
        let own = self.listener.as_ref().map(|(_, inode)| *inode);
        fs::metadata(&self.socket).is_ok_and(|it| Some(it.ino()) != own)
    }

    /// Takes the place of the socket. Connections made before pass by; end them in the database.
    pub(crate) fn step_in(&mut self) {
        self.listener = None;
        let real = self.socket.with_file_name("real");
        fs::rename(&self.socket, &real).expect("the server's socket");
        let listener = UnixListener::bind(&self.socket).expect("a socket");
        // Tracker and site run as another user where root started them.
        fs::set_permissions(&self.socket, fs::Permissions::from_mode(0o777)).expect("its mode");
        let inode = fs::metadata(&self.socket).expect("the socket").ino();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, real, self.condition.subscribe()));
        self.listener = Some((tasks, inode));
    }
}

async fn accept(listener: UnixListener, real: PathBuf, condition: watch::Receiver<LinkCondition>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *condition.borrow() == LinkCondition::Cut {
            continue;
        }
        let Ok(server) = UnixStream::connect(&real).await else { continue };
        let condition = condition.clone();
        connections.spawn(async move {
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::select! {
                () = forward(from_client, to_server, &condition) => {}
                () = forward(from_server, to_client, &condition) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Returns when the connection shall end.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    condition: &watch::Receiver<LinkCondition>,
) {
    let mut piece = vec![0; 16 << 10];
    let mut dead = false;
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let piece = &piece[..count];
        let present = *condition.borrow();
        let sent = match present {
            _ if dead => continue,
            LinkCondition::Clear => to.write_all(piece).await,
            LinkCondition::Late(time) => {
                sleep(time).await;
                to.write_all(piece).await
            }
            LinkCondition::Narrow(width) => narrow(&mut to, piece, width).await,
            LinkCondition::Cut => {
                let _ = to.write_all(&piece[..count / 2]).await;
                return;
            }
            LinkCondition::Swallowed => {
                dead = true;
                Ok(())
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn narrow(to: &mut OwnedWriteHalf, piece: &[u8], width: usize) -> std::io::Result<()> {
    for some in piece.chunks(width) {
        sleep(Duration::from_millis(10)).await;
        to.write_all(some).await?;
    }
    Ok(())
}
