//! Wishes of onlookers, carried out.

use anyhow::{Context, bail};
use std::sync::Arc;

use crate::control::Wish;
use crate::node::{Node, Order};

use super::world::World;

impl World {
    /// Does what is wished for, and says in a sentence what was done; errors are sentences too.
    pub(super) async fn carry_out(self: &Arc<Self>, wish: Wish) -> anyhow::Result<String> {
        match wish {
            Wish::Seed { client, torrent } => self.change_role(&client, &torrent, true).await,
            Wish::Leech { client, torrent } => self.change_role(&client, &torrent, false).await,
            Wish::Stop { client } => self.tell(&client, Order::Stop, "has stopped").await,
            Wish::Start { client } => self.tell(&client, Order::Start, "runs").await,
            Wish::Kill { client } => self.tell(&client, Order::Kill, "was killed").await,
            Wish::Throttle { client, rate: None } => {
                self.tell(&client, Order::Throttle(None), "has no limit").await
            }
            Wish::Throttle { client, rate: Some(rate) } => {
                if rate == 0 {
                    bail!("a client cannot be held to 0 KiB/s: stop it, or take its network away");
                }
                self.tell(&client, Order::Throttle(Some(rate)), &format!("is held to {rate} KiB/s")).await
            }
            Wish::Cut { client } => self.tell(&client, Order::Cut, "is cut off").await,
            Wish::Restore { client } => self.tell(&client, Order::Restore, "has its network again").await,
            Wish::Add { kind } => {
                let name = self.settle(kind, false).await?;
                Ok(format!("{name} has joined"))
            }
            Wish::Show => Ok(serde_json::to_string(&*self.picture()).context("the picture")?),
        }
    }

    async fn tell(&self, client: &str, order: Order, done: &str) -> anyhow::Result<String> {
        let node = self.node(client)?;
        node.order(order).await?;
        Ok(format!("{} {done}", node.name))
    }

    /// The client begins anew with the torrent: with its content, or with nothing.
    async fn change_role(&self, client: &str, torrent: &str, seeder: bool) -> anyhow::Result<String> {
        let node: Node = self.node(client)?;
        let published = self.published(torrent)?;
        node.order(Order::Remove(published.info_hash)).await?;
        self.give(&node.name, &published, seeder).await?;
        let role = if seeder { "a seeder" } else { "a leecher" };
        Ok(format!("{} is {role} of “{}”", node.name, published.title))
    }
}
