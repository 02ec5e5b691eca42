//! The routing table (BEP 5): the nodes that a node knows, many near its own id and few far from it.

mod bucket;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::message::Node;
use super::node_id::{BITS, NodeId};
use crate::peer::unmapped;
use bucket::{Bucket, Entry};

/// Nodes in a bucket, and in an answer that lists nodes (BEP 5).
pub const K: usize = 8;

/// Seconds without a sign of life after which a node is questionable, and after which a bucket must be refreshed
/// (BEP 5).
pub const QUESTIONABLE_AFTER: u32 = 15 * 60;

/// Queries without an answer, one after the other, after which a node is bad and is dropped.
pub const MAX_MISSES: u8 = 2;

/// What became of a node that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The table has it.
    Stored,
    /// Its bucket is full, and it waits for a place. If `ping` is given, a query to that node decides: if it is silent
    /// twice, its place becomes free.
    Waiting {
        /// The questionable node of the bucket that was silent for longest.
        ping: Option<Node>,
    },
    /// Another node has its address, its id, or its /24 or /64 within the bucket; or it has our own id.
    Refused,
    /// The node at this endpoint had another id before. Neither is kept: such a node is not to be trusted.
    ChangedId,
}

/// The nodes of one family, in buckets by the length of the prefix that their ids share with ours.
///
/// Bucket `i` has nodes that share exactly `i` bits, the last bucket those that share more. A full last bucket is split.
/// A bucket has [`K`] nodes, each of which has answered, and as many that wait for a place. The table has at most
/// 158 buckets, so that no input makes it have more than 2528 nodes; some 20 buckets are usual.
///
/// - One node of an IP address, and one of a /24 or /64 in a bucket, as libtorrent has it
///   (`dht_restrict_routing_ips`): else one host could be everybody's neighbour.
/// - A **good** node answered within 15 minutes, or asked us something within 15 minutes. Others are **questionable**:
///   see [`RoutingTable::questionable`]. A **bad** node left two queries in a row unanswered; it is dropped at once.
///
/// Times are seconds of a clock that does not go back. The caller checks addresses
/// ([`AddressPolicy`](super::address::AddressPolicy)), and ids if it wants to ([`NodeId::belongs_to`]).
#[derive(Debug, Clone)]
pub struct RoutingTable {
    own: NodeId,
    /// At least one.
    buckets: Vec<Bucket>,
    /// The id of the node at each address, waiting nodes among them.
    ids: BTreeMap<IpAddr, NodeId>,
    subnets: Subnets,
}

/// Whether nodes of one /24 or /64 may share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subnets {
    /// They may not.
    #[default]
    Unique,
    /// They may: in tests, where all nodes are in one network.
    Shared,
}

impl RoutingTable {
    /// An empty table of the node with the id `own`. Its only bucket counts as changed at `now`.
    pub fn new(own: NodeId, subnets: Subnets, now: u32) -> Self {
        Self { own, buckets: vec![Bucket::new(now)], ids: BTreeMap::new(), subnets }
    }

    /// Our own id.
    pub fn own(&self) -> NodeId {
        self.own
    }

    /// Nodes in the buckets, without those that wait.
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.nodes.len()).sum()
    }

    /// Whether no bucket has a node.
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.nodes.is_empty())
    }

    /// The nodes in the buckets, the farthest bucket first.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.buckets.iter().flat_map(|bucket| &bucket.nodes).map(|node| node.node)
    }

    /// The nodes from which nothing was heard for 15 minutes: the caller pings them one after the other, and says
    /// [`RoutingTable::answered`] or [`RoutingTable::missed`].
    pub fn questionable(&self, now: u32) -> impl Iterator<Item = Node> {
        let nodes = self.buckets.iter().flat_map(|bucket| &bucket.nodes);
        nodes.filter(move |node| !node.is_good(now)).map(|node| node.node)
    }

    /// Notes that a node answered our query. The answer must be matched with its query: the table believes that the
    /// node is at its endpoint.
    pub fn answered(&mut self, node: Node, now: u32) -> Placement {
        let node = canonical(node);
        let ip = node.endpoint.ip();
        if let Some(known) = self.ids.get(&ip).copied() {
            return self.answered_again(known, node, now);
        }
        if !self.is_unique(node) {
            return Placement::Refused;
        }
        let mut at = self.bucket_of(&node.id);
        while at + 1 == self.buckets.len() && self.buckets[at].is_full() {
            self.split();
            at = self.bucket_of(&node.id);
        }
        let bucket = &mut self.buckets[at];
        self.ids.insert(ip, node.id);
        if let Some(displaced) = bucket.insert(Entry::new(node, now), now) {
            self.ids.remove(&displaced.node.endpoint.ip());
        }
        bucket.placement(node, now)
    }

    /// Notes that a node sent us a query. Returns whether to ping it, as the table lacks it and would take it. A query
    /// alone makes no entry and evicts none, since its source may be forged.
    pub fn asked(&mut self, node: Node, now: u32) -> bool {
        let node = canonical(node);
        let at = self.bucket_of(&node.id);
        match self.buckets[at].entry(node) {
            Some(entry) => {
                entry.heard = now;
                false
            }
            None => self.would_take(node),
        }
    }

    /// Whether a node that somebody named would get a place, if it answered a ping.
    pub fn would_take(&self, node: Node) -> bool {
        let node = canonical(node);
        let at = self.bucket_of(&node.id);
        let has_room = at + 1 == self.buckets.len() || self.buckets[at].has_room();
        has_room && !self.ids.contains_key(&node.endpoint.ip()) && self.is_unique(node)
    }

    /// Notes that the node at `endpoint` left a query unanswered. Returns it if it is dropped, for two such queries in a
    /// row. A waiting node gets its place.
    pub fn missed(&mut self, endpoint: SocketAddr, now: u32) -> Option<Node> {
        let endpoint = unmapped(endpoint);
        let id = *self.ids.get(&endpoint.ip())?;
        let at = self.bucket_of(&id);
        let entry = self.buckets[at].entry(Node { id, endpoint })?;
        entry.misses += 1;
        if entry.misses < MAX_MISSES {
            return None;
        }
        self.remove(Node { id, endpoint }, now);
        Some(Node { id, endpoint })
    }

    /// The `most` nodes that are closest to `target`, the closest first: all there are if there are fewer.
    pub fn closest(&self, target: &NodeId, most: usize) -> Vec<Node> {
        let mut found = Vec::with_capacity(most.min(self.len()));
        let at = self.bucket_of(target);
        let (farther, nearer) = self.buckets.split_at(at);
        let (same, nearer) = nearer.split_at(1);
        // Ids in the target's bucket share at least one bit more with it than those of the buckets behind, which are
        // nearer to us and share the same number of bits with the target. Each bucket before shares fewer.
        let groups = [same, nearer].into_iter().chain(farther.chunks(1).rev());
        for group in groups {
            let begin = found.len();
            if begin >= most {
                break;
            }
            found.extend(group.iter().flat_map(|bucket| &bucket.nodes).map(|node| node.node));
            found[begin..].sort_unstable_by_key(|node| node.id.distance(target));
        }
        found.truncate(most);
        found
    }

    /// A random target in a bucket that has not changed for 15 minutes, to be searched for by `find_node`; `None` if
    /// there is no such bucket. The bucket counts as changed now.
    pub fn refresh_due(&mut self, now: u32, random: [u8; 20]) -> Option<NodeId> {
        let last = self.buckets.len() - 1;
        let (at, bucket) = self.buckets.iter_mut().enumerate().min_by_key(|(_, bucket)| bucket.changed)?;
        if now.saturating_sub(bucket.changed) < QUESTIONABLE_AFTER {
            return None;
        }
        bucket.changed = now;
        let prefix = u32::try_from(at).unwrap_or(BITS);
        Some(if at == last { self.own.within(prefix, random) } else { self.own.beside(prefix, random) })
    }

    /// The node with the id `known` is at the address of `node`, which answered.
    fn answered_again(&mut self, known: NodeId, node: Node, now: u32) -> Placement {
        let at = self.bucket_of(&known);
        let bucket = &mut self.buckets[at];
        let Some(entry) = bucket.entry(Node { id: known, ..node }) else {
            // Another port of the same address.
            return Placement::Refused;
        };
        if known != node.id {
            self.remove(Node { id: known, ..node }, now);
            return Placement::ChangedId;
        }
        *entry = Entry::new(node, now);
        bucket.changed = now;
        bucket.placement(node, now)
    }

    /// Whether no other node has the id, nor, in its bucket, the network.
    fn is_unique(&self, node: Node) -> bool {
        node.id != self.own
            && self.buckets[self.bucket_of(&node.id)].is_unique(node, self.subnets == Subnets::Unique)
    }

    fn remove(&mut self, node: Node, now: u32) {
        let at = self.bucket_of(&node.id);
        self.buckets[at].remove(node, now);
        self.ids.remove(&node.endpoint.ip());
    }

    /// Moves the nodes that share more bits with us out of the last bucket, into a new one.
    ///
    /// There are no more than 7 ids other than ours that share 157 bits with it: bucket 157 is never full.
    fn split(&mut self) {
        let last = self.buckets.len() - 1;
        let own = self.own;
        let nearer = self.buckets[last].split_off(|node| own.common_prefix(&node.id) as usize > last);
        self.buckets.push(nearer);
    }

    fn bucket_of(&self, id: &NodeId) -> usize {
        (self.own.common_prefix(id) as usize).min(self.buckets.len() - 1)
    }
}

fn canonical(node: Node) -> Node {
    Node { endpoint: unmapped(node.endpoint), ..node }
}
