//! Brings changes of the sources to the site and the clients.
//!
//! Each source has a task of its own: a large or failing one does not delay the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use infra::refusal::is_refusal;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::world::World;
use crate::sources::{Change, Event};

/// Time until a change that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(3);

/// Applies the changes of all sources until their sender is gone. A change that fails is reported, and tried again unless it
/// was refused.
pub(super) async fn follow(world: &Arc<World>, events: &mut mpsc::Receiver<Event>) {
    let mut sources: HashMap<String, mpsc::UnboundedSender<Change>> = HashMap::new();
    while let Some(Event { name, change }) = events.recv().await {
        let source = sources.entry(name).or_insert_with_key(|name| {
            let (sender, changes) = mpsc::unbounded_channel();
            tokio::spawn(follow_source(Arc::clone(world), name.clone(), changes));
            sender
        });
        // The task ends with this sender.
        let _ = source.send(change);
    }
}

/// Applies the changes of one source.
async fn follow_source(world: Arc<World>, name: String, mut changes: mpsc::UnboundedReceiver<Change>) {
    while let Some(change) = changes.recv().await {
        let mut said = String::new();
        while let Err(error) = apply(&world, &name, &change).await {
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
            sleep(RETRY_PAUSE).await;
            // A newer change replaces an addition that failed, but not a removal.
            if matches!(change, Change::Added(_)) && !changes.is_empty() {
                break;
            }
        }
    }
}

async fn apply(world: &World, name: &str, change: &Change) -> anyhow::Result<()> {
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
