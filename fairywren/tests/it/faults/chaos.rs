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
pub(crate) enum Weather {
    /// They pass.
    Clear,
    /// They pass later.
    Late(Duration),
    /// So many pass every 10 ms.
    Narrow(usize),
    /// Half of a piece passes, then the connection ends. New ones end at once.
    Cut,
    /// They vanish, and the connections on which they did stay dead when the weather clears.
    Swallowed,
}

/// The proxy; it ends with the test.
pub(crate) struct Chaos {
    socket: PathBuf,
    weather: watch::Sender<Weather>,
    /// The one who accepts, for one start of the server.
    listener: Option<(JoinSet<()>, u64)>,
}

impl Chaos {
    /// For the server whose socket is in `folder`; nothing passes here until [`Chaos::step_in`].
    pub(crate) fn before(folder: &Path) -> Self {
        let socket = folder.join(".s.PGSQL.5432");
        Self { socket, weather: watch::Sender::new(Weather::Clear), listener: None }
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
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
        tasks.spawn(accept(listener, real, self.weather.subscribe()));
        self.listener = Some((tasks, inode));
    }
}

async fn accept(listener: UnixListener, real: PathBuf, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *weather.borrow() == Weather::Cut {
            continue;
        }
        let Ok(server) = UnixStream::connect(&real).await else { continue };
        let weather = weather.clone();
        connections.spawn(async move {
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::select! {
                () = forward(from_client, to_server, &weather) => {}
                () = forward(from_server, to_client, &weather) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Returns when the connection shall end.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, weather: &watch::Receiver<Weather>) {
    let mut piece = vec![0; 16 << 10];
    let mut dead = false;
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let piece = &piece[..count];
        let present = *weather.borrow();
        let sent = match present {
            _ if dead => continue,
            Weather::Clear => to.write_all(piece).await,
            Weather::Late(time) => {
                sleep(time).await;
                to.write_all(piece).await
            }
            Weather::Narrow(width) => narrow(&mut to, piece, width).await,
            Weather::Cut => {
                let _ = to.write_all(&piece[..count / 2]).await;
                return;
            }
            Weather::Swallowed => {
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
