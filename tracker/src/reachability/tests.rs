use bt::{Peer, PeerState};
use tokio::net::TcpListener;

use super::*;

const CLIENT: ClientPrefix = *b"-qB5040-";

fn endpoint(text: &str) -> SocketAddr {
    text.parse().expect("an endpoint")
}

/// Offers one endpoint of member 7 at each of these seconds, and says which were taken.
fn taken(event: Event, endpoint: SocketAddr, seconds: &[u32]) -> Vec<u32> {
    let (reachability, last) = (Reachability::new(true), AtomicU32::new(0));
    let mut candidates = reachability.candidates.lock().take().expect("the queue's other end");
    let offer = |now: &&u32| {
        reachability.offer(&last, (7, CLIENT), endpoint, event, **now);
        candidates.try_recv().is_ok()
    };
    seconds.iter().filter(offer).copied().collect()
}

#[test]
fn a_member_has_one_endpoint_tried_a_minute_at_most() {
    let public = endpoint("192.0.2.1:6881");
    assert_eq!(taken(Event::Started, public, &[0, 0, 59, 60, 61, 119, 120]), [0, 60, 120]);
    assert_eq!(taken(Event::None, public, &[5, 65, 1804, 1805, 3000]), [5, 1805]);
}

#[test]
fn addresses_that_no_other_host_has_are_never_tried() {
    for own in [
        "127.0.0.1:80",
        "127.255.0.9:80",
        "0.0.0.0:80",
        "0.1.2.3:80",
        "169.254.1.1:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "[::1]:80",
        "[::]:80",
        "[fe80::1]:80",
        "[ff02::1]:80",
        "192.0.2.1:0",
    ] {
        assert_eq!(taken(Event::Started, endpoint(own), &[0]), [0_u32; 0], "{own}");
    }
    for other in ["192.0.2.1:80", "10.0.0.9:80", "[2001:db8::1]:80", "[fd00::1]:80"] {
        assert_eq!(taken(Event::Started, endpoint(other), &[0]), [0], "{other}");
    }
}

#[test]
fn addresses_of_this_machine_are_its_own() {
    assert!(is_own([127, 0, 0, 1].into()));
    assert!(!is_own([192, 0, 2, 1].into()));
}

#[test]
fn nothing_is_tried_if_it_is_turned_off() {
    let (reachability, last) = (Reachability::new(false), AtomicU32::new(0));
    reachability.offer(&last, (7, CLIENT), endpoint("192.0.2.1:1"), Event::Started, 9);
    assert_eq!(last.into_inner(), 0);
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_not_reachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = listener.local_addr().expect("an address");
    assert!(accepts(endpoint).await);
    drop(listener);
    assert!(!accepts(endpoint).await);
}

#[test]
fn the_latest_result_of_each_endpoint_is_kept_and_few_of_them() {
    let reachability = Reachability::new(true);
    let candidate = |port| Candidate {
        member: 7,
        client: CLIENT,
        endpoint: SocketAddr::new([192, 0, 2, 1].into(), port),
    };
    for port in 1..=6 {
        reachability.note(candidate(port), false, 10);
    }
    reachability.note(candidate(4), true, 20);
    let kept: Vec<_> =
        reachability.of_member(7, 25).iter().map(|it| (it.port, it.reachable, it.age)).collect();
    assert_eq!(kept, [(4, true, 5), (6, false, 15), (5, false, 15), (3, false, 15)]);
    assert_eq!(reachability.of_member(8, 25), []);
}

#[test]
fn a_result_is_shown_beside_the_peer_with_that_endpoint() {
    let reachability = Reachability::new(true);
    let peer = |member, port| Peer {
        member,
        client: CLIENT,
        v4: Some(std::net::SocketAddrV4::new([192, 0, 2, 1].into(), port)),
        v6: None,
        uploaded: 0,
        downloaded: 0,
        left: 0,
        state: PeerState::Seeder,
        idle: 0,
    };
    for (port, reachable) in [(1, true), (2, false)] {
        let endpoint = SocketAddr::new([192, 0, 2, 1].into(), port);
        reachability.note(Candidate { member: 7, client: CLIENT, endpoint }, reachable, 10);
    }
    let record =
        |member, port| PeerRecord { info_hash: [1; 20].into(), peer: peer(member, port), reachable: None };
    let mut peers = [record(7, 1), record(7, 2), record(7, 3), record(8, 1)];
    reachability.mark(&mut peers);
    assert_eq!(peers.map(|it| it.reachable), [Some(true), Some(false), None, None]);
}
