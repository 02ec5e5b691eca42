//! Writes swarms to the restart file and restores them from it.

use bt::ClientPrefix;
use bt::InfoHash;
use bt::restart::{MAX_PEERS, SwarmHead, Writer};
use bt::swarm::StoredPeer;

use super::{Entry, Swarms};
use crate::shard::{SHARDS, shard_of};

/// What restoring a peer depends on beside the peer.
#[derive(Debug)]
pub(crate) struct RestoreOptions {
    /// The present second of the tracker's clock.
    pub(crate) now: u32,
    /// Seconds since the file was written.
    pub(crate) away: u32,
    /// Seconds of silence after which a peer is not restored.
    pub(crate) timeout: u32,
    /// Whether sessions go on, see [`bt::swarm::Swarm::restore`].
    pub(crate) exact: bool,
    /// The client prefix for each client number in the file. Prefixes get new numbers as peers are restored.
    pub(crate) clients: Vec<ClientPrefix>,
}

impl Swarms {
    /// The prefixes for the client numbers in use, by number.
    pub(crate) fn clients(&self) -> Vec<ClientPrefix> {
        self.clients.read().prefixes().to_vec()
    }

    /// Writes all swarms to `writer`, and calls `flush` after each piece of them, without holding a lock.
    ///
    /// If announces come in meanwhile, a peer may be written twice or be left out.
    pub(crate) fn export<E>(
        &self,
        writer: &mut Writer,
        now: u32,
        mut flush: impl FnMut(&mut Writer) -> Result<(), E>,
    ) -> Result<(), E> {
        for shard in 0..SHARDS {
            let mut rest: Vec<(InfoHash, usize)> =
                self.locked(shard, |shard| shard.swarms.keys().map(|hash| (*hash, 0)).collect());
            while !rest.is_empty() {
                self.locked(shard, |shard| {
                    let mut steps = MAX_PEERS;
                    while let Some((info_hash, from)) = rest.pop() {
                        let Some(entry) = shard.swarms.get(&info_hash) else { continue };
                        let count = entry.swarm.len().saturating_sub(from).min(steps);
                        if count > 0 || from == 0 {
                            writer.swarm(&entry.head(info_hash), entry.swarm.export(from, count, now));
                        }
                        if from + count < entry.swarm.len() {
                            rest.push((info_hash, from + count));
                        }
                        // The swarm itself counts as a step: most have few peers.
                        steps = steps.saturating_sub(count + 1);
                        if steps == 0 {
                            break;
                        }
                    }
                });
                flush(writer)?;
            }
        }
        Ok(())
    }

    /// Restores the peers that were not silent for too long, and says how many.
    pub(crate) fn restore(&self, head: &SwarmHead, peers: &[StoredPeer], options: &RestoreOptions) -> usize {
        self.locked(shard_of(&head.info_hash), |shard| {
            let entry = shard.swarms.entry(head.info_hash).or_insert_with(|| Entry::new(head.snatched));
            let before = entry.swarm.counts();
            let mut count = 0;
            for peer in peers {
                let idle = peer.idle.saturating_add(options.away);
                if idle <= options.timeout {
                    let prefix = options.clients.get(usize::from(peer.client)).copied().unwrap_or_default();
                    let peer = StoredPeer { idle, client: self.number_of(prefix), ..*peer };
                    count += usize::from(entry.swarm.restore(&peer, options.now, options.exact));
                }
            }
            shard.note_change(head.info_hash, before);
            shard.drop_empty(&head.info_hash);
            count
        })
    }
}

impl Entry {
    fn head(&self, info_hash: InfoHash) -> SwarmHead {
        SwarmHead { info_hash, snatched: self.swarm.counts().snatched }
    }
}
