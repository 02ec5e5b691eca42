//! One bucket of the routing table: nodes, and nodes that wait for a place.

use super::{K, Node, Placement, QUESTIONABLE_AFTER};
use crate::dht::address::Subnet;

/// A node that has answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) node: Node,
    /// When it last answered or asked.
    pub(super) heard: u32,
    /// Queries that it left unanswered since its last answer.
    pub(super) misses: u8,
}

impl Entry {
    pub(super) fn new(node: Node, now: u32) -> Self {
        Self { node, heard: now, misses: 0 }
    }

    pub(super) fn is_good(&self, now: u32) -> bool {
        now.saturating_sub(self.heard) < QUESTIONABLE_AFTER
    }
}

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// At most [`K`].
    pub(super) nodes: Vec<Entry>,
    /// At most [`K`]; none while there is a place among the nodes.
    pub(super) waiting: Vec<Entry>,
    /// When a node was added or replaced, or answered, or the bucket was refreshed.
    pub(super) changed: u32,
}

impl Bucket {
    pub(super) fn new(now: u32) -> Self {
        Self { nodes: Vec::new(), waiting: Vec::new(), changed: now }
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() >= K
    }

    /// Whether one more node gets a place, or may wait without displacing another.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < K
    }

    /// The node with exactly this id and endpoint, be it waiting or not.
    pub(super) fn entry(&mut self, node: Node) -> Option<&mut Entry> {
        self.nodes.iter_mut().chain(&mut self.waiting).find(|entry| entry.node == node)
    }

    /// Whether no node, waiting ones among them, has the id or, if `subnets` count, the network.
    pub(super) fn is_unique(&self, node: Node, subnets: bool) -> bool {
        let subnet = Subnet::of(node.endpoint.ip());
        !self.nodes.iter().chain(&self.waiting).any(|Entry { node: other, .. }| {
            other.id == node.id || subnets && Subnet::of(other.endpoint.ip()) == subnet
        })
    }

    /// Adds a node, which waits if the bucket is full. Returns the waiting node that it displaced: the one that was
    /// silent for longest.
    pub(super) fn insert(&mut self, entry: Entry, now: u32) -> Option<Entry> {
        if !self.is_full() {
            self.nodes.push(entry);
            self.changed = now;
            return None;
        }
        let displaced = if self.has_room() { None } else { take(&mut self.waiting, |entry| entry.heard) };
        self.waiting.push(entry);
        displaced
    }

    /// Where a node of this bucket stands.
    pub(super) fn placement(&self, node: Node, now: u32) -> Placement {
        if self.nodes.iter().any(|entry| entry.node == node) {
            return Placement::Stored;
        }
        let questionable = self.nodes.iter().filter(|entry| !entry.is_good(now));
        Placement::Waiting { ping: questionable.min_by_key(|entry| entry.heard).map(|entry| entry.node) }
    }

    pub(super) fn remove(&mut self, node: Node, now: u32) {
        self.nodes.retain(|entry| entry.node != node);
        self.waiting.retain(|entry| entry.node != node);
        self.promote(now);
    }

    /// Moves the nodes of which `goes` is true into a new bucket. In both, waiting nodes fill what is free.
    pub(super) fn split_off(&mut self, goes: impl Fn(&Node) -> bool) -> Self {
        let changed = self.changed;
        let mut other = Self {
            nodes: self.nodes.extract_if(.., |entry| goes(&entry.node)).collect(),
            waiting: self.waiting.extract_if(.., |entry| goes(&entry.node)).collect(),
            changed,
        };
        self.promote(changed);
        other.promote(changed);
        other
    }

    /// Gives free places to the waiting nodes that were heard from last.
    fn promote(&mut self, now: u32) {
        while !self.is_full()
            && let Some(entry) = take(&mut self.waiting, |entry| std::cmp::Reverse(entry.heard))
        {
            self.nodes.push(entry);
            self.changed = now;
        }
    }
}

/// Takes out the entry for which `key` is least.
fn take<Key: Ord>(entries: &mut Vec<Entry>, key: impl Fn(&Entry) -> Key) -> Option<Entry> {
    let (at, _) = entries.iter().enumerate().min_by_key(|(_, entry)| key(entry))?;
    Some(entries.swap_remove(at))
}
