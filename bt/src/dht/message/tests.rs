//! Wire examples of the BEPs, what real nodes send, and hostile datagrams.

mod round_trips;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use super::*;

const ID: [u8; 20] = *b"abcdefghij0123456789";
const OTHER: [u8; 20] = *b"mnopqrstuvwxyz123456";
const PEERS: [[u8; 6]; 2] = [*b"axje.u", *b"idhtnm"];

fn query(method: Method<'_>) -> Message<'_> {
    Message::new(b"aa", Body::Query(Query { id: ID.into(), method }))
}

fn reply(reply: Reply<'_>) -> Message<'_> {
    Message::new(b"aa", Body::Reply(reply))
}

fn error(code: u32, text: &[u8]) -> Message<'_> {
    Message::new(b"aa", Body::Error(ErrorReply { code, text }))
}

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.write(&mut out).expect("it is short enough");
    out
}

/// Messages of BEP 5, 32, 43 and 51, with their lengths and what they mean.
fn examples() -> Vec<(usize, &'static str, Message<'static>)> {
    let announce = Method::AnnouncePeer {
        info_hash: OTHER.into(),
        port: 6881,
        implied_port: true,
        seed: true,
        token: b"aoeusnth",
    };
    let get_peers = Method::GetPeers { info_hash: OTHER.into(), no_seeds: false, scrape: false, want: None };
    let values =
        Reply { token: Some(b"aoeusnth"), values: Some(Values::v4(&PEERS)), ..Reply::new(ID.into()) };
    let samples = Reply {
        nodes: Some(&[]),
        samples: Some(&[ID, OTHER]),
        num: Some(2),
        interval: Some(21_600),
        ..Reply::new(OTHER.into())
    };
    let read_only = Message { read_only: true, version: Some(b"FW01"), ..query(Method::Ping) };
    vec![
        (56, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", query(Method::Ping)),
        (47, "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re", reply(Reply::new(OTHER.into()))),
        (
            92,
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
            query(Method::FindNode { target: OTHER.into(), want: None }),
        ),
        (
            108,
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node1:t2:aa\
             1:y1:qe",
            query(Method::FindNode { target: OTHER.into(), want: Some(Want::Both) }),
        ),
        (
            95,
            "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
            query(get_peers),
        ),
        (
            90,
            "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
            reply(values),
        ),
        (
            156,
            "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e\
             4:seedi1e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
            query(announce),
        ),
        (
            101,
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q17:sample_infohashes1:t2:aa1:y1:qe",
            query(Method::SampleInfohashes { target: OTHER.into(), want: None }),
        ),
        (
            133,
            "d1:rd2:id20:mnopqrstuvwxyz1234568:intervali21600e5:nodes0:3:numi2e7:samples40:abcdefghij0123456789\
             mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
            reply(samples),
        ),
        (51, "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee", error(201, b"A Generic Error Ocurred")),
        (42, "d1:eli204e14:Method Unknowne1:t2:aa1:y1:ee", error(204, b"Method Unknown")),
        (72, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:v4:FW011:y1:qe", read_only),
    ]
}

#[test]
fn examples_are_read_and_written_as_the_beps_show_them() {
    for (length, wire, message) in examples() {
        assert_eq!(wire.len(), length, "{wire}");
        assert_eq!(Message::read(wire.as_bytes()), Ok(message), "{wire}");
        assert_eq!(written(&message).escape_ascii().to_string(), wire);
    }
}

#[test]
fn any_changed_byte_is_read_or_refused_without_panic() {
    let mut out = Vec::new();
    for (length, wire, _) in examples() {
        for at in 0..length {
            assert!(Message::read(&wire.as_bytes()[..at]).is_err(), "{at} bytes of {wire}");
            for byte in 0..=u8::MAX {
                let mut changed = wire.as_bytes().to_vec();
                changed[at] = byte;
                if let Ok(message) = Message::read(&changed) {
                    out.clear();
                    message.write(&mut out).expect("it is short enough");
                    assert_eq!(Message::read(&out).as_ref(), Ok(&message), "{}", changed.escape_ascii());
                }
            }
        }
    }
}

/// A reply of libtorrent 2.1 to `get_peers`: 1,119 bytes with 8 nodes and 100 peers.
fn full_reply() -> Vec<u8> {
    let mut wire = b"d2:ip6:\x7f\x00\x00\x01\x1a\xe11:rd2:id20:mnopqrstuvwxyz1234565:nodes208:".to_vec();
    for number in 1..=8 {
        wire.extend(write_node_v4(&[number; 20].into(), SocketAddrV4::new([192, 0, 2, number].into(), 6881)));
    }
    wire.extend(b"1:pi6881e5:token4:\x01\x02\x03\x046:valuesl");
    for number in 1..=100 {
        wire.extend([b'6', b':', 198, 51, 100, number, 0x1a, 0xe1]);
    }
    wire.extend(b"ee1:t2:aa1:v4:LT\x02\x011:y1:re");
    wire
}

#[test]
fn a_reply_of_libtorrent_above_the_length_that_is_written_is_read() {
    let wire = full_reply();
    assert_eq!(wire.len(), 1119);
    let message = Message::read(&wire).expect("it is sound");
    assert_eq!(message.asker, Some(SocketAddr::from(([127, 0, 0, 1], 6881))));
    assert_eq!(message.version, Some(&b"LT\x02\x01"[..]));
    let Body::Reply(reply) = message.body else { panic!("{message:?}") };
    assert_eq!((reply.port, reply.token), (Some(6881), Some(&[1, 2, 3, 4][..])));
    let nodes: Vec<_> = reply.v4_nodes().collect();
    assert_eq!((nodes.len(), nodes[7].id), (8, [8; 20].into()));
    assert_eq!(nodes[7].endpoint, SocketAddr::from(([192, 0, 2, 8], 6881)));
    let peers: Vec<_> = reply.values.expect("peers").peers(false).collect();
    assert_eq!((peers.len(), peers[99]), (100, SocketAddr::from(([198, 51, 100, 100], 6881))));
    let mut out = b"kept".to_vec();
    assert_eq!(message.write(&mut out), Err(TooLong));
    assert_eq!(out, b"kept");
}

#[test]
fn as_many_values_and_samples_as_fit_are_told_exactly() {
    let wire = full_reply();
    let message = Message::read(&wire).expect("it is sound");
    let mut out = b"kept".to_vec();
    let Body::Reply(full) = message.body else { panic!("{message:?}") };
    let with = |values| {
        let reply = Reply { values: Some(values), ..full };
        Message { body: Body::Reply(reply), ..message }.write(&mut Vec::new())
    };
    let (v4, v6) = (message.fitting_values(false, &mut out), message.fitting_values(true, &mut out));
    assert_eq!((v4, v6), ((1024 - (1119 - 800)) / 8, (1024 - (1119 - 800)) / 21));
    assert_eq!(with(Values::v4(&[[9; 6]; 88])), Ok(()));
    assert_eq!(with(Values::v4(&[[9; 6]; 89])), Err(TooLong));
    assert_eq!(with(Values::v6(&[[9; 18]; 33])), Ok(()));
    assert_eq!(with(Values::v6(&[[9; 18]; 34])), Err(TooLong));
    for padding in 0..980 {
        let token = vec![0; padding];
        let padded = |samples| reply(Reply { token: Some(&token), samples, ..Reply::new(ID.into()) });
        let count = padded(None).fitting_samples(&mut out);
        let samples = vec![OTHER; count + 1];
        let is_short = padded(Some(&[])).write(&mut Vec::new()).is_ok();
        assert_eq!(padded(Some(&samples[1..])).write(&mut Vec::new()).is_ok(), is_short, "{padding}");
        assert_eq!(padded(Some(&samples)).write(&mut Vec::new()), Err(TooLong), "{padding}");
    }
    assert_eq!(query(Method::Ping).fitting_samples(&mut out), 0);
    assert_eq!(out, b"kept");
}

fn values_of(list: &[u8], is_v6: bool) -> Vec<String> {
    let wire = [&b"d1:rd2:id20:mnopqrstuvwxyz1234566:values"[..], list, b"e1:t2:aa1:y1:re"].concat();
    let message = Message::read(&wire).expect("it is sound");
    assert_eq!(Message::read(&written(&message)), Ok(message));
    let Body::Reply(reply) = message.body else { panic!("{message:?}") };
    reply.values.expect("values").peers(is_v6).map(|peer| peer.to_string()).collect()
}

#[test]
fn values_of_both_families_and_several_peers_in_a_string_are_read() {
    let v6 = b"18:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x05";
    let v4 = b"6:\x01\x02\x03\x04\0\x05";
    let mixed = [b"l", &v6[..], v4, b"e"].concat();
    for is_v6 in [false, true] {
        assert_eq!(values_of(&mixed, is_v6), ["[2001:db8::1]:5", "1.2.3.4:5"]);
        assert_eq!(values_of(b"le", is_v6), [""; 0]);
        let joined = b"l12:\x01\x02\x03\x04\0\x05\x01\x02\x03\x04\0\x06e";
        assert_eq!(values_of(joined, is_v6), ["1.2.3.4:5", "1.2.3.4:6"]);
        // Port 0, an odd length, a number, a list, an empty string.
        let odd = b"l6:\x01\x02\x03\x04\0\x005:abcdei5ele0:6:\x01\x02\x03\x04\0\x05e";
        assert_eq!(values_of(odd, is_v6), ["1.2.3.4:5"]);
    }
    let alone = [b"l", &v6[..], b"e"].concat();
    assert_eq!(values_of(&alone, true), ["[2001:db8::1]:5"]);
    assert_eq!(values_of(&alone, false), ["0.0.0.1:5"]);
}

#[test]
fn nodes_with_port_0_are_skipped() {
    let v4 = [0, 5].map(|port| write_node_v4(&ID.into(), SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)));
    let v6 =
        [0, 6].map(|port| write_node_v6(&OTHER.into(), SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)));
    let reply = Reply { nodes: Some(&v4), nodes6: Some(&v6), ..Reply::new(ID.into()) };
    let v4 = Node { id: ID.into(), endpoint: SocketAddr::from((Ipv4Addr::LOCALHOST, 5)) };
    let v6 = Node { id: OTHER.into(), endpoint: SocketAddr::from((Ipv6Addr::LOCALHOST, 6)) };
    assert!(reply.v4_nodes().eq([v4]));
    assert!(reply.v6_nodes().eq([v6]));
}

#[test]
fn an_unknown_query_keeps_its_target_or_info_hash() {
    let other = Some(OTHER.into());
    for (key, target) in [("6:target20:", other), ("9:info_hash20:", other), ("1:x20:", None)] {
        let wire =
            format!("d1:ad2:id20:abcdefghij0123456789{key}mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe");
        let unknown = query(Method::Unknown { name: b"vote", target, want: None });
        assert_eq!(Message::read(wire.as_bytes()), Ok(unknown), "{wire}");
    }
}

#[test]
fn an_error_with_a_reply_is_an_error() {
    let wire = b"d1:eli203e13:invalid tokene1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:v4:LT\x02\x011:y1:ee";
    let message = Message { version: Some(b"LT\x02\x01"), ..error(203, b"invalid token") };
    assert_eq!(Message::read(wire), Ok(message));
    for odd in ["", "1:ele", "1:e4:text", "1:eli-1ee"] {
        let wire = format!("d{odd}1:t2:aa1:y1:ee");
        assert_eq!(Message::read(wire.as_bytes()), Ok(error(0, b"")), "{odd}");
    }
}

#[test]
fn loose_messages_are_read() {
    // Keys out of order, unknown keys, flags other than 1, bytes after the end, values of other types.
    let wire =
        b"d1:y1:q1:xle1:t1:a1:q4:ping2:ipi5e2:roi7e1:vi9e1:ad1:n3:joe2:id20:abcdefghij0123456789ee\0\n";
    let ping = Body::Query(Query { id: ID.into(), method: Method::Ping });
    assert_eq!(Message::read(wire), Ok(Message { read_only: true, ..Message::new(b"a", ping) }));
    let announce = "d1:ad2:id20:abcdefghij012345678912:implied_porti2e9:info_hash20:mnopqrstuvwxyz123456\
                    5:token0:e1:q13:announce_peer1:t0:1:y1:qe";
    let method = Method::AnnouncePeer {
        info_hash: OTHER.into(),
        port: 0,
        implied_port: true,
        seed: false,
        token: b"",
    };
    let expected = Message::new(b"", Body::Query(Query { id: ID.into(), method }));
    assert_eq!(Message::read(announce.as_bytes()), Ok(expected));
    let odd = "d1:rd4:BFpe3:abc2:id20:mnopqrstuvwxyz1234568:intervali-1e3:numi-1e1:pi65536e5:tokeni1e6:values0:e\
               1:t2:aa1:y1:re";
    assert_eq!(Message::read(odd.as_bytes()), Ok(reply(Reply::new(OTHER.into()))));
    for odd in ["le", "2:n4", "l2:n5i4ee"] {
        let wire = format!(
            "d1:ad2:id20:{}6:target20:{}4:want{odd}e1:q9:find_node1:t2:aa1:y1:qe",
            text(ID),
            text(OTHER)
        );
        assert_eq!(
            Message::read(wire.as_bytes()),
            Ok(query(Method::FindNode { target: OTHER.into(), want: None }))
        );
    }
}

fn text(id: [u8; 20]) -> String {
    String::from_utf8_lossy(&id).into_owned()
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let with_transaction =
        |length| format!("d1:ad2:id20:{}e1:q4:ping1:t{length}:{}1:y1:qe", text(ID), "t".repeat(length));
    assert!(Message::read(with_transaction(20).as_bytes()).is_ok());
    assert_eq!(Message::read(with_transaction(21).as_bytes()), Err(ReadError::Transaction));
    for missing in ["d1:y1:qe", "d1:ti5e1:y1:qe"] {
        assert_eq!(Message::read(missing.as_bytes()), Err(ReadError::Transaction), "{missing}");
    }
    for kind in ["d1:t2:aae", "d1:t2:aa1:y1:xe", "d1:t2:aa1:yi1ee", "l1:y1:qe", "i1e"] {
        let refused = Message::read(kind.as_bytes());
        assert!(matches!(refused, Err(ReadError::Kind | ReadError::Transaction)), "{kind}: {refused:?}");
    }
    assert!(matches!(Message::read(b""), Err(ReadError::Bencode(_))));
    assert!(matches!(Message::read(b"d1:t2:aa1:t2:bb1:y1:qe"), Err(ReadError::Bencode(_))));
    let deep = format!("d1:a{}{}1:t2:aa1:y1:qe", "l".repeat(1000), "e".repeat(1000));
    assert!(matches!(Message::read(deep.as_bytes()), Err(ReadError::Bencode(_))));
    let many = format!("d1:al{}e1:t2:aa1:y1:qe", "0:".repeat(1000));
    assert!(matches!(Message::read(many.as_bytes()), Err(ReadError::Bencode(_))));
}

#[test]
fn a_malformed_query_names_what_it_lacks_and_its_transaction() {
    let id = "2:id20:abcdefghij0123456789";
    for (arguments, method, key) in [
        (String::new(), "ping", "id"),
        ("2:id3:abc".to_owned(), "ping", "id"),
        (String::new(), "vote", "id"),
        (id.to_owned(), "find_node", "target"),
        (id.to_owned(), "get_peers", "info_hash"),
        (id.to_owned(), "sample_infohashes", "target"),
        (format!("{id}9:info_hash20:{}4:porti0e5:token1:x", text(OTHER)), "announce_peer", "port"),
        (format!("{id}9:info_hash20:{}4:porti65536e5:token1:x", text(OTHER)), "announce_peer", "port"),
        (format!("{id}9:info_hash20:{}4:porti1e", text(OTHER)), "announce_peer", "token"),
    ] {
        let wire = format!("d1:ad{arguments}e1:q{}:{method}1:t2:aa1:y1:qe", method.len());
        let refused = Err(ReadError::Query { transaction: b"aa", key });
        assert_eq!(Message::read(wire.as_bytes()), refused, "{wire}");
    }
    let refused = |key| Err(ReadError::Query { transaction: b"aa", key });
    assert_eq!(Message::read(b"d1:q4:ping1:t2:aa1:y1:qe"), refused("a"));
    assert_eq!(Message::read(b"d1:ade1:t2:aa1:y1:qe"), refused("q"));
}

#[test]
fn a_reply_with_broken_nodes_is_refused() {
    for (values, key) in [
        ("", "id"),
        ("2:id20:mnopqrstuvwxyz1234565:nodes25:abcdefghijklmnopqrstuvwxy", "nodes"),
        ("2:id20:mnopqrstuvwxyz1234566:nodes626:abcdefghijklmnopqrstuvwxyz", "nodes6"),
        ("2:id20:mnopqrstuvwxyz1234567:samples1:a", "samples"),
        ("2:id20:mnopqrstuvwxyz1234565:nodesi5e", "nodes"),
    ] {
        let wire = format!("d1:rd{values}e1:t2:aa1:y1:re");
        let refused = Err(ReadError::Reply { transaction: b"aa", key });
        assert_eq!(Message::read(wire.as_bytes()), refused, "{wire}");
    }
    let refused = Err(ReadError::Reply { transaction: b"aa", key: "r" });
    assert_eq!(Message::read(b"d1:t2:aa1:y1:re"), refused);
}
