//! Carries out commands.

use std::sync::Arc;

use anyhow::{Context, bail};

use super::MOST_RATE;
use super::world::World;
use crate::control::ControlCommand;
use crate::node::{Order, Report, State};

impl World {
    /// Carries out a command. A sentence that says what was done; errors, also that there was nothing to do, are
    /// sentences, too.
    pub(super) async fn carry_out(self: &Arc<Self>, command: ControlCommand) -> anyhow::Result<String> {
        match command {
            ControlCommand::Seed { client, torrent } => self.change_role(&client, &torrent, true).await,
            ControlCommand::Leech { client, torrent } => self.change_role(&client, &torrent, false).await,
            ControlCommand::Stop { client } => self.tell(&client, Order::Stop, "has stopped").await,
            ControlCommand::Start { client } => self.tell(&client, Order::Start, "starts").await,
            ControlCommand::Kill { client } => self.tell(&client, Order::Kill, "was killed").await,
            ControlCommand::Throttle { client, rate: None } => {
                self.tell(&client, Order::Throttle(None), "has no limit").await
            }
            ControlCommand::Throttle { client, rate: Some(rate) } => {
                if rate == 0 {
                    bail!("a client cannot be held to 0 KiB/s: stop it, or take its network away");
                }
                if rate > MOST_RATE {
                    bail!(
                        "a client can be held to {MOST_RATE} KiB/s at most: name no number to hold it to none"
                    );
                }
                self.tell(&client, Order::Throttle(Some(rate)), &format!("is held to {rate} KiB/s")).await
            }
            ControlCommand::Cut { client } => self.tell(&client, Order::Cut, "is cut off").await,
            ControlCommand::Restore { client } => {
                self.tell(&client, Order::Restore, "has its network again").await
            }
            ControlCommand::Add { kind } => {
                let name = self.settle(kind, false).await?;
                Ok(format!("{name} has joined"))
            }
            ControlCommand::Show => {
                Ok(serde_json::to_string(&*self.picture()).context("cannot write the picture as JSON")?)
            }
        }
    }

    async fn tell(&self, client: &str, order: Order, done: &str) -> anyhow::Result<String> {
        let node = self.node(client)?;
        if let Some(already) = already(&order, &node.report()) {
            bail!("{} {already}", node.name);
        }
        node.order(order).await?;
        Ok(format!("{} {done}", node.name))
    }

    /// Has the client start anew with the torrent: with its content, or with nothing.
    async fn change_role(&self, client: &str, torrent: &str, seeder: bool) -> anyhow::Result<String> {
        let (name, title) = self.begin_anew(client, torrent, seeder).await?;
        let role = if seeder { "a seeder" } else { "a leecher" };
        Ok(format!("{name} is {role} of “{title}”"))
    }
}

/// Why an order has no effect, if it has none.
fn already(order: &Order, report: &Report) -> Option<&'static str> {
    match (order, &report.state) {
        (Order::Stop, State::Stopped) => Some("has stopped already"),
        (Order::Stop, State::Dead(_)) => Some("does not run: it is dead"),
        (Order::Kill, State::Stopped | State::Dead(_)) => Some("does not run: there is nothing to kill"),
        (Order::Start, State::Starting) => Some("starts already"),
        (Order::Start, State::Running) => Some("runs already"),
        (Order::Cut, _) if !report.connected => Some("is cut off already"),
        (Order::Restore, _) if report.connected => Some("has its network"),
        _ => None,
    }
}
