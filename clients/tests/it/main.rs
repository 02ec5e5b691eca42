//! Remote controls beside the real programs, which ask for passwords, and beside servers that misbehave.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod behaviour;
mod bounds;
mod content;
mod program;
mod qbittorrent;
mod rtorrent;
mod transmission;
