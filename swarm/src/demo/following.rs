//! What happens in the sources, brought to site and clients.
//!
//! Each source has a task of its own: one that is large, or that fails, holds up no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use infra::refusal::is_refusal;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::world::World;
use crate::sources::{Change, Event};

/// Until something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(3);

/// Takes over what happened in the sources, until nothing can happen there any more. What fails is said, and tried again
/// unless it is refused.
pub(super) async fn follow(world: &Arc<World>, events: &mut mpsc::Receiver<Event>) {
    let mut sources: HashMap<String, mpsc::UnboundedSender<Change>> = HashMap::new();
    while let Some(Event { name, change }) = events.recv().await {
        let source = sources.entry(name).or_insert_with_key(|name| {
            let (sender, changes) = mpsc::unbounded_channel();
            tokio::spawn(attend(Arc::clone(world), name.clone(), changes));
            sender
        });
        // It ends with the sender.
        let _ = source.send(change);
    }
}

/// Takes over what happens to one source.
async fn attend(world: Arc<World>, name: String, mut changes: mpsc::UnboundedReceiver<Change>) {
    while let Some(change) = changes.recv().await {
        let mut said = String::new();
        while let Err(error) = take_over(&world, &name, &change).await {
            let why = format!("{error:#}");
            if why != said {
                let failed = match change {
                    Change::Added(_) => "does not come to the site",
                    _ => "does not leave the site",
                };
                world.say(&name, &format!("{failed}: {why}"), true);
                said = why;
            }
            if is_refusal(&error) {
                break;
            }
            sleep(AGAIN).await;
            // It is another one by now, or gone. A removal has to come true first all the same.
            if matches!(change, Change::Added(_)) && !changes.is_empty() {
                break;
            }
        }
    }
}

async fn take_over(world: &World, name: &str, change: &Change) -> anyhow::Result<()> {
    match change {
        Change::Added(path) => world.publish(name, path.clone()).await?,
        Change::Rewritten => {
            if world.withdraw(name).await? {
                world.say(name, "has changed: the old one has left the site", false);
            }
        }
        Change::Gone => {
            if world.withdraw(name).await? {
                world.say(name, "is gone from the sources and has left the site", false);
            }
        }
        Change::LeftOut(why) => world.say(name, &format!("is left out: {why}"), true),
    }
    Ok(())
}
