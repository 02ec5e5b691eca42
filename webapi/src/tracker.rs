//! Communication with the tracker over `ZeroMQ`: tasks that follow its counts, store them and apply its accounting
//! reports, and requests for peers and decisions.
//!
//! PUB and SUB lose messages, so counts follow the Clone pattern of the ZeroMQ guide (chapter 5): subscribe, ask for a
//! snapshot, drop what is older, ask again at any gap.

mod connection;
mod control;
mod decisions;
mod history;
mod peers;
mod reports;
mod sequence;
mod store;

use crate::app::App;

pub use decisions::{connections, decisions};
pub use peers::{Peers, peers};

/// Starts the tasks that follow the tracker's counts, store them and apply its reports, until the process stops.
pub fn start(app: &App) {
    let (live, zeromq, shutdown) = (app.live.clone(), app.config.zeromq.clone(), app.shutdown.clone());
    app.shutdown.spawn(async move { connection::keep(&live, &zeromq, &shutdown).await });
    let (storing, pulling) = (app.clone(), app.clone());
    app.shutdown.spawn(async move { store::keep(&storing).await });
    app.shutdown.spawn(async move { reports::keep(&pulling).await });
}
