//! What a demonstration can be told, by its page and by `swarm ctl`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::client::Kind;

/// `swarm ctl`.
#[derive(Debug, Args)]
pub(crate) struct Ctl {
    /// The demonstration's folder, as `swarm demo --data`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    wish: Wish,
}

/// What is to be done. The page's forms and the socket use the same words.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "lowercase")]
pub(crate) enum Wish {
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

/// Asks the demonstration.
pub(crate) fn run(options: &Ctl) -> anyhow::Result<()> {
    anyhow::bail!("unwritten {:?} {:?}", options.data, options.wish)
}
