//! The tasks that speak with the tracker over ZeroMQ: they follow its counts, write them down, apply its accounting
//! reports and ask it questions.
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

/// Starts following the tracker, writing down what it says and applying its reports, until the process stops.
pub fn start(app: &App) {
    let (live, zeromq, shutdown) = (app.live.clone(), app.config.zeromq.clone(), app.shutdown.clone());
    app.shutdown.spawn(async move { connection::keep(&live, &zeromq, &shutdown).await });
    let (storing, pulling) = (app.clone(), app.clone());
    app.shutdown.spawn(async move { store::keep(&storing).await });
    app.shutdown.spawn(async move { reports::keep(&pulling).await });
}
