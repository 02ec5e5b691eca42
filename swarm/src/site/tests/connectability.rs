//! The tracker's check of connectability, across a network: it never connects to an address of its own machine.

use crate::client::Kind;
use crate::enter::tests::{Who, alone};
use crate::network::tests::joined;
use crate::network::{Families, Network};
use crate::node::{Node, Order};

use super::*;

/// What `GET /api/swarm` says of a peer.
#[derive(serde::Deserialize)]
struct Peer {
    member: PeerMember,
    reachable: Option<bool>,
}

#[derive(serde::Deserialize)]
struct PeerMember {
    name: Option<String>,
}

/// Whether the tracker could connect to the client of `member`; none while no attempt has ended.
async fn reachable(site: &RunningSite, member: &Member) -> Option<bool> {
    let request = site.rest.get("/api/swarm").bearer_auth(site.administrator.token.reveal());
    let peers: List<Peer> = site.rest.read(request).await.expect("the peers");
    let is_theirs = |peer: &&Peer| peer.member.name.as_deref() == Some(member.name.as_str());
    peers.items.iter().find(is_theirs).and_then(|peer| peer.reachable)
}

#[test]
fn staff_see_which_clients_the_tracker_can_connect_to() {
    let name = "site::tests::connectability::staff_see_which_clients_the_tracker_can_connect_to";
    alone(name, Who::Myself, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(listening_and_closed_clients());
    });
}

async fn listening_and_closed_clients() {
    let network = Network::make(Families::V4).expect("a network");
    let (folder, mut options) = options();
    let bridge = network.addresses(1)[0];
    options.site = SocketAddr::new(bridge, 8000);
    options.tracker = vec![SocketAddr::new(bridge, 8080)];
    let site = RunningSite::start(options).await.expect("a site");
    let uploaded = site.upload(torrent("film"), "A film", "").await.expect("uploaded");
    let listening = site.member("listening").await.expect("a member");
    let closed = site.member("closed").await.expect("a member");

    let client = folder.path().join("client");
    let node = Node::start("libtorrent-1".to_owned(), Kind::Libtorrent, &network, 2, &client, None);
    let node = node.await.expect("a client");
    let metainfo = site.metainfo(&listening, uploaded.id).await.expect("their file");
    let order = Order::Add { metainfo: metainfo.into(), content: None };
    node.order(order).await.expect("the client takes the torrent");

    let rest = "&uploaded=0&downloaded=0&left=20000&event=started";
    let url = announce_url(&site, &closed, &uploaded, rest).await;
    // Nothing listens in this network, on any port.
    joined(&network, 3, move |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(send_announce(url));
    });

    until("the tracker has connected to the client that listens", async || {
        reachable(&site, &listening).await == Some(true)
    })
    .await;
    until("the tracker was refused by the closed port", async || {
        reachable(&site, &closed).await == Some(false)
    })
    .await;
    node.end().await;
    site.stop().await;
}
