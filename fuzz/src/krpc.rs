//! Datagrams of the DHT: a parsed datagram can be written, canonically and within the length that others take, and
//! parses again to an equal one.

use bt::bencode::{Limits, check_sorted};
use bt::dht::message::{
    Body, ErrorReply, FILTER_LEN, MAX_LEN, MAX_TRANSACTION_LEN, Message, Method, Query, ReadError, Reply,
    Values, Want,
};
use bt::dht::node_id::NodeId;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "1:ad2:id20:abcdefghij0123456789",
    "1:rd2:id20:abcdefghij0123456789",
    "1:eli201e2:noe",
    "1:y1:q",
    "1:y1:r",
    "1:y1:e",
    "1:t2:aa",
    "1:q4:vote",
    "1:q9:get_peers",
    "9:info_hash20:mnopqrstuvwxyz123456",
    "6:target20:mnopqrstuvwxyz123456",
    "4:wantl2:n42:n6e",
    "12:implied_porti1e",
    "6:scrapei1e",
    "2:roi1e",
    "2:ip6:abcdef",
    "2:ip18:abcdefabcdefabcdef",
    "5:nodes26:abcdefghijklmnopqrstuvwxyz",
    "6:valuesl6:abcdefe",
    "18:abcdefabcdefabcdef",
    "7:samples20:mnopqrstuvwxyz123456",
];

/// Bytes by which a message may grow when it is written: a port and an error's list that were missing.
const MAX_GROWTH: usize = "4:porti0e1:eli0e0:e".len();

/// Checks `data` as a datagram, or, if it is none, as a plan of a message that must come back.
pub fn check(data: &[u8]) {
    let (message, held) = memory::peak(|| Message::read(data));
    // The check of bencoding keeps the keys of at most 500 tokens, in a list that doubles.
    assert!(held <= 24 * 1024, "{held} bytes held");
    let message = match message {
        Ok(message) => message,
        Err(ReadError::Query { transaction, .. } | ReadError::Reply { transaction, .. }) => {
            assert!(transaction.len() <= MAX_TRANSACTION_LEN);
            return;
        }
        Err(_) => return check_planned(data),
    };
    check_message(&message, data);
}

fn check_message(message: &Message<'_>, data: &[u8]) {
    assert!(message.transaction.len() <= MAX_TRANSACTION_LEN);
    check_reply(message, data);
    let mut written = Vec::new();
    if message.write(&mut written).is_err() {
        assert!(written.is_empty());
        assert!(data.len() + MAX_GROWTH > MAX_LEN);
        return;
    }
    assert!(written.len() <= MAX_LEN.min(data.len() + MAX_GROWTH));
    assert_eq!(check_sorted(&written, &Limits::default()), Ok(()));
    assert_eq!(Message::read(&written).as_ref(), Ok(message));
    let mut again = Vec::new();
    assert_eq!(message.write(&mut again), Ok(()));
    assert_eq!(again, written);
}

/// Checks the message that `plan` describes: the first byte chooses what it has, the others are its content.
fn check_planned(plan: &[u8]) {
    let [choice, content @ ..] = plan else { return };
    let has = |bit: u8| choice >> bit & 1 == 1;
    let (samples, rest) = content.as_chunks::<20>();
    let Some((&id, samples)) = samples.split_first() else { return };
    let values = if has(0) { Values::v4(content.as_chunks().0) } else { Values::v6(content.as_chunks().0) };
    let reply = Reply {
        nodes: has(1).then_some(content.as_chunks().0),
        nodes6: has(2).then_some(content.as_chunks().0),
        token: has(3).then_some(rest),
        values: has(4).then_some(values),
        samples: has(5).then_some(samples),
        num: u32::try_from(content.len()).ok().filter(|_| has(6)),
        ..Reply::new(id.into())
    };
    let method = Method::AnnouncePeer {
        info_hash: id.into(),
        port: u16::from(*choice) + 1,
        implied_port: has(1),
        seed: has(2),
        token: content,
    };
    let bodies = [
        Body::Reply(reply),
        Body::Query(Query { id: id.into(), method }),
        Body::Error(ErrorReply { code: u32::from(*choice), text: content }),
    ];
    for body in bodies {
        let message = Message { version: has(7).then_some(rest), ..Message::new(rest, body) };
        let mut written = Vec::new();
        if message.write(&mut written).is_ok() {
            let read = Message::read(&written);
            assert_eq!(read.as_ref(), Ok(&message));
            check_message(&message, &written);
        }
    }
}

/// Checks what a reply says is there.
fn check_reply(message: &Message<'_>, data: &[u8]) {
    let Body::Reply(reply) = message.body else { return };
    let nodes = reply.v4_nodes().chain(reply.v6_nodes());
    let mut endpoints: Vec<_> = nodes.map(|node| node.endpoint).collect();
    for is_v6 in [false, true] {
        let peers = reply.values.map(|values| values.peers(is_v6));
        endpoints.extend(peers.into_iter().flatten());
    }
    assert!(endpoints.iter().all(|endpoint| endpoint.port() != 0));
    assert!(endpoints.len() + reply.samples().count() <= data.len());
    let mut out = Vec::new();
    let (peers, samples) = (message.fitting_values(false, &mut out), message.fitting_samples(&mut out));
    let mut bare = reply;
    bare.values = None;
    bare.samples = None;
    let fits = |reply| Message { body: Body::Reply(reply), ..*message }.write(&mut Vec::new()).is_ok();
    if fits(bare) {
        let more = vec![[1; 6]; peers + 1];
        assert!(!fits(Reply { values: Some(Values::v4(&more)), samples: reply.samples, ..bare }));
        let more = vec![[1; 20]; samples + 1];
        assert!(!fits(Reply { samples: Some(&more), values: reply.values, ..bare }));
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let (id, other) = (NodeId::from(*b"abcdefghij0123456789"), NodeId::from(*b"mnopqrstuvwxyz123456"));
    let info_hash = (*other.as_bytes()).into();
    let methods = [
        Method::Ping,
        Method::FindNode { target: other, want: Some(Want::Both) },
        Method::GetPeers { info_hash, no_seeds: true, scrape: true, want: Some(Want::V6) },
        Method::AnnouncePeer { info_hash, port: 6881, implied_port: true, seed: true, token: b"aoeusnth" },
        Method::SampleInfohashes { target: other, want: None },
        Method::Unknown { name: b"vote", target: Some(other), want: None },
    ];
    let peers = Reply {
        nodes: Some(&[[1; 26]; 2]),
        nodes6: Some(&[[2; 38]; 2]),
        token: Some(b"1234"),
        values: Some(Values::v4(&[[3; 6]; 3])),
        port: Some(6881),
        ..Reply::new(id)
    };
    let filters = Reply {
        seeds_filter: Some(&[4; FILTER_LEN]),
        peers_filter: Some(&[5; FILTER_LEN]),
        values: Some(Values::v6(&[[6; 18]])),
        ..Reply::new(id)
    };
    let samples = Reply {
        samples: Some(&[[7; 20]; 3]),
        num: Some(u32::MAX),
        interval: Some(21_600),
        ..Reply::new(other)
    };
    let bodies = methods.map(|method| Body::Query(Query { id, method })).into_iter();
    let bodies = bodies.chain([Reply::new(id), peers, filters, samples].map(Body::Reply));
    let bodies = bodies.chain([Body::Error(ErrorReply { code: 204, text: b"Method Unknown" })]);
    let mut seeds = Vec::new();
    for body in bodies {
        let message = Message::new(b"aa", body);
        for message in [
            message,
            Message {
                version: Some(b"FW01"),
                read_only: true,
                asker: Some(([192, 0, 2, 1], 6881).into()),
                ..message
            },
        ] {
            let mut seed = Vec::new();
            message.write(&mut seed).expect("a seed is short");
            seeds.push(seed);
        }
    }
    seeds.push(
        b"d1:rd2:id20:abcdefghij01234567896:valuesl12:abcdefghijkli5e18:abcdefabcdefabcdefee1:t1:a1:y1:re"
            .into(),
    );
    seeds.push(b"d1:eli203e13:Invalid tokene1:rd2:id20:abcdefghij0123456789e1:t1:a1:y1:ee\n".into());
    seeds
}
