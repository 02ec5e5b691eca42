use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::*;
use crate::dht::address::Subnet;
use proptest::collection::vec;
use proptest::prelude::*;

const OWN: [u8; 20] = [0; 20];

fn table() -> RoutingTable {
    RoutingTable::new(OWN.into(), Subnets::Unique, 0)
}

/// A node with these first bytes of its id, in a /24 of its own.
fn node_at(first: [u8; 2], network: u16) -> Node {
    let mut id = [7; 20];
    id[..2].copy_from_slice(&first);
    let [high, low] = network.to_be_bytes();
    Node { id: id.into(), endpoint: SocketAddr::from(([20, high, low, 1], 6881)) }
}

/// Eight nodes that share no bit with us, and with them a bucket that is full and not the last.
fn full(now: u32) -> (RoutingTable, Vec<Node>) {
    let mut table = table();
    let far: Vec<_> = (0..8).map(|n| node_at([0x80 + n, 0], n.into())).collect();
    for node in &far {
        assert_eq!(table.answered(*node, now), Placement::Stored);
    }
    (table, far)
}

#[test]
fn a_bucket_takes_eight_and_only_our_own_is_split() {
    let (mut table, far) = full(0);
    assert_eq!(table.buckets.len(), 1);
    assert_eq!(table.answered(node_at([0xff, 0], 100), 0), Placement::Waiting { ping: None });
    assert_eq!(table.buckets.len(), 2);
    for n in 0..8 {
        assert_eq!(table.answered(node_at([0x40 + n, 0], 200 + u16::from(n)), 0), Placement::Stored);
    }
    assert_eq!(table.answered(node_at([0x20, 0], 300), 0), Placement::Stored);
    assert_eq!(table.buckets.len(), 3);
    assert_eq!(table.len(), 17);
    assert_eq!(table.nodes().take(8).collect::<Vec<_>>(), far);
}

#[test]
fn a_node_is_good_for_15_minutes_after_it_answered_or_asked() {
    let mut table = table();
    let node = node_at([0x80, 0], 1);
    table.answered(node, 0);
    assert_eq!(table.questionable(899).count(), 0);
    assert_eq!(table.questionable(900).collect::<Vec<_>>(), [node]);
    assert!(!table.asked(node, 900), "it is known");
    assert_eq!(table.questionable(1799).count(), 0);
    assert_eq!(table.questionable(1800).count(), 1);
}

#[test]
fn two_misses_in_a_row_drop_a_node() {
    let mut table = table();
    let node = node_at([0x80, 0], 1);
    table.answered(node, 0);
    assert_eq!(table.missed(node.endpoint, 1), None);
    table.answered(node, 2);
    assert_eq!(table.missed(node.endpoint, 3), None);
    table.asked(node, 4);
    assert_eq!(table.missed(node.endpoint, 5), Some(node), "queries of it are no answers");
    assert!(table.is_empty() && table.ids.is_empty());
    assert_eq!(table.missed(node.endpoint, 6), None, "it is not known");
    assert_eq!(table.answered(node, 7), Placement::Stored);
}

#[test]
fn a_waiting_node_takes_the_place_of_a_bad_one() {
    let (mut table, far) = full(0);
    for node in &far[1..] {
        table.asked(*node, 1000);
    }
    let newcomer = node_at([0xff, 0], 100);
    assert_eq!(table.answered(newcomer, 1000), Placement::Waiting { ping: Some(far[0]) });
    assert_eq!(table.closest(&newcomer.id, 1), [far[7]], "it is not in use yet");
    assert_eq!(table.missed(far[0].endpoint, 1001), None);
    assert_eq!(table.missed(far[0].endpoint, 1002), Some(far[0]));
    assert_eq!(table.closest(&newcomer.id, 1), [newcomer]);
    assert_eq!(table.len(), 8);
    assert_eq!(table.answered(newcomer, 1003), Placement::Stored);
}

#[test]
fn eight_wait_and_the_longest_silent_one_goes() {
    let (mut table, _) = full(0);
    for n in 0..9_u8 {
        let waiting = node_at([0xf0, n], 100 + u16::from(n));
        assert_eq!(table.would_take(waiting), n < 8);
        assert_eq!(table.answered(waiting, n.into()), Placement::Waiting { ping: None });
    }
    assert_eq!(table.ids.len(), 16);
    assert!(!table.ids.contains_key(&node_at([0xf0, 0], 100).endpoint.ip()));
}

#[test]
fn rule_6_one_node_of_an_address_and_one_of_a_network_in_a_bucket() {
    let mut table = table();
    let node = node_at([0x80, 0], 1);
    table.answered(node, 0);
    let other_port = SocketAddr::new(node.endpoint.ip(), 6882);
    for id in [node.id, node_at([0x81, 0], 1).id, node_at([0x01, 0], 1).id] {
        let same_address = Node { id, endpoint: other_port };
        assert!(!table.would_take(same_address));
        assert_eq!(table.answered(same_address, 0), Placement::Refused);
    }
    let same_id = Node { id: node.id, ..node_at([0x80, 0], 2) };
    assert_eq!(table.answered(same_id, 0), Placement::Refused);
    let same_network = Node { endpoint: SocketAddr::from(([20, 0, 1, 2], 6881)), ..node_at([0x90, 0], 0) };
    assert!(!table.would_take(same_network) && !table.asked(same_network, 0));
    assert_eq!(table.answered(same_network, 0), Placement::Refused);
    let mut relaxed = RoutingTable::new(OWN.into(), Subnets::Shared, 0);
    relaxed.answered(node, 0);
    assert_eq!(relaxed.answered(same_network, 0), Placement::Stored);
}

#[test]
fn networks_may_recur_in_another_bucket() {
    let (mut table, far) = full(0);
    table.answered(node_at([0xff, 0], 100), 0);
    let [network, ..] = far[..] else { unreachable!() };
    let IpAddr::V4(ip) = network.endpoint.ip() else { unreachable!() };
    let neighbour = SocketAddr::from((Ipv4Addr::from_bits(ip.to_bits() + 1), 6881));
    assert_eq!(table.answered(Node { endpoint: neighbour, ..node_at([1, 0], 0) }, 0), Placement::Stored);
}

#[test]
fn rule_7_a_node_that_changes_its_id_is_evicted() {
    let mut table = table();
    let node = node_at([0x80, 0], 1);
    table.answered(node, 0);
    let changed = Node { id: node_at([0x01, 0], 1).id, ..node };
    assert!(!table.asked(changed, 1), "a query, which may be forged, changes nothing");
    assert_eq!(table.len(), 1);
    assert_eq!(table.answered(changed, 1), Placement::ChangedId);
    assert!(table.is_empty() && table.ids.is_empty());
}

#[test]
fn our_own_id_and_mapped_addresses_make_no_second_entry() {
    let mut table = table();
    let node = node_at([0x80, 0], 1);
    assert_eq!(table.answered(Node { id: OWN.into(), ..node }, 0), Placement::Refused);
    let mapped = Node { endpoint: "[::ffff:20.0.1.1]:6881".parse().expect("an endpoint"), ..node };
    assert_eq!(table.answered(mapped, 0), Placement::Stored);
    assert_eq!(table.answered(node, 0), Placement::Stored);
    assert_eq!(table.nodes().collect::<Vec<_>>(), [node]);
}

#[test]
fn buckets_without_change_are_refreshed_each_once() {
    let (mut table, far) = full(0);
    table.answered(node_at([0xff, 0], 100), 0);
    assert_eq!(table.refresh_due(899, [0x55; 20]), None);
    table.answered(far[0], 500);
    let target = table.refresh_due(900, [0x55; 20]).expect("the bucket of our own id");
    assert_eq!(table.bucket_of(&target), 1);
    assert_eq!(table.refresh_due(900, [0x55; 20]), None);
    let target = table.refresh_due(1400, [0x55; 20]).expect("the bucket of far ids");
    assert_eq!(table.bucket_of(&target), 0);
    assert_eq!(table.refresh_due(1799, [0x55; 20]), None);
}

#[test]
fn nodes_around_our_id_cannot_make_the_table_grow_without_bound() {
    let mut table = RoutingTable::new(OWN.into(), Subnets::Shared, 0);
    let mut address = 0x1400_0000_u32;
    for prefix in 0..BITS {
        for n in 0..20 {
            address += 1;
            let id = table.own().beside(prefix, [n; 20]);
            table.answered(Node { id, endpoint: (Ipv4Addr::from_bits(address), 1).into() }, 0);
        }
    }
    assert_eq!(table.buckets.len(), 158);
    assert!(table.len() > 150 * K && table.ids.len() <= 158 * 2 * K);
}

/// What can happen to a table.
#[derive(Debug, Clone, Copy)]
enum Event {
    Answered(Node),
    Asked(Node),
    Missed(SocketAddr),
}

/// Few ids, addresses and networks, so that they meet; prefixes of all lengths.
fn nodes() -> impl Strategy<Value = Node> {
    let ids = (prop_oneof![0..6_u32, 0..=BITS], 0..64_u8)
        .prop_map(|(prefix, random)| NodeId::from(OWN).beside(prefix, [random << 2; 20]));
    let endpoints = (0..40_u8, 0..4_u8, 1..3_u16)
        .prop_map(|(network, host, port)| SocketAddr::from(([20, 0, network, host], port)));
    (ids, endpoints).prop_map(|(id, endpoint)| Node { id, endpoint })
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => nodes().prop_map(Event::Answered),
        1 => nodes().prop_map(Event::Asked),
        1 => nodes().prop_map(|node| Event::Missed(node.endpoint)),
    ]
}

fn play(subnets: Subnets, events: &[Event]) -> RoutingTable {
    let mut table = RoutingTable::new(OWN.into(), subnets, 0);
    for (event, now) in events.iter().zip((0..).step_by(60)) {
        match *event {
            Event::Answered(node) => {
                table.answered(node, now);
            }
            Event::Asked(node) => {
                table.asked(node, now);
            }
            Event::Missed(endpoint) => {
                table.missed(endpoint, now);
            }
        }
    }
    table
}

proptest! {
    #[test]
    fn closest_is_a_sort_of_all_by_distance(
        events in vec(events(), 0..400), target: [u8; 20], prefix in 0..=BITS, most in 0..30_usize, is_near: bool,
    ) {
        let table = play(Subnets::Shared, &events);
        let target = if is_near { NodeId::from(OWN).beside(prefix, target) } else { target.into() };
        let mut all: Vec<_> = table.nodes().collect();
        all.sort_by_key(|node| node.id.distance(&target));
        all.truncate(most);
        prop_assert_eq!(table.closest(&target, most), all);
    }

    #[test]
    fn the_table_keeps_its_rules(events in vec(events(), 0..400)) {
        let table = play(Subnets::Unique, &events);
        let mut ips = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for (at, bucket) in table.buckets.iter().enumerate() {
            let mut subnets = BTreeSet::new();
            prop_assert!(bucket.nodes.len() <= K && bucket.waiting.len() <= K);
            prop_assert!(bucket.is_full() || bucket.waiting.is_empty());
            for entry in bucket.nodes.iter().chain(&bucket.waiting) {
                let Node { id, endpoint } = entry.node;
                prop_assert_eq!(table.bucket_of(&id), at);
                prop_assert!(entry.misses < MAX_MISSES);
                prop_assert!(ips.insert(endpoint.ip()), "two nodes of one address");
                prop_assert!(ids.insert(id), "two nodes of one id");
                prop_assert!(subnets.insert(Subnet::of(endpoint.ip())), "two nodes of one network in a bucket");
                prop_assert_eq!(table.ids.get(&endpoint.ip()), Some(&id));
            }
        }
        prop_assert_eq!(table.ids.len(), ips.len());
    }
}
