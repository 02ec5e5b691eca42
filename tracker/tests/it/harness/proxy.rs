//! A unix socket in front of Postgres that can be cut, or hold back what comes through.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use infra::config::Postgresql;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::eventually;

pub(crate) struct Proxy {
    socket: PathBuf,
    real: PathBuf,
    tasks: Option<JoinSet<()>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    holding: AtomicBool,
    /// Pieces sent to the database that were held back.
    held: AtomicUsize,
}

impl Proxy {
    /// Serves `folder`, to be used as the `host` of a connection to the server of `login`.
    pub(crate) fn start(folder: &Path, login: &Postgresql) -> Self {
        let name = format!(".s.PGSQL.{}", login.port);
        let (socket, real) = (folder.join(&name), Path::new(&login.host).join(&name));
        let mut proxy = Self { socket, real, tasks: None, state: Arc::default() };
        proxy.restore();
        proxy
    }

    /// Ends all connections and takes no others.
    pub(crate) async fn cut(&mut self) {
        if let Some(mut tasks) = self.tasks.take() {
            tasks.shutdown().await;
        }
        std::fs::remove_file(&self.socket).expect("the socket was there");
    }

    pub(crate) fn restore(&mut self) {
        let listener = UnixListener::bind(&self.socket).expect("a socket");
        let (real, state) = (self.real.clone(), Arc::clone(&self.state));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&real).await.expect("the server");
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                connections.spawn(forward(from_client, to_server, Some(Arc::clone(&state))));
                connections.spawn(forward(from_server, to_client, None));
            }
        });
        self.tasks = Some(tasks);
    }

    /// From now on nothing reaches the database, but connections stay.
    pub(crate) fn hold(&self) {
        self.state.holding.store(true, Ordering::SeqCst);
    }

    /// Returns when something has been held back.
    pub(crate) async fn holds_something(&self) {
        eventually("the database is asked", async || {
            (self.state.held.load(Ordering::SeqCst) > 0).then_some(())
        })
        .await;
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Option<Arc<State>>) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        if let Some(state) = &state
            && state.holding.load(Ordering::SeqCst)
        {
            state.held.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
