use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A message with `payload`, under an id.
fn message(id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).expect("a short message");
    [&length.to_be_bytes()[..], &[id], payload].concat()
}

/// The extended messages in `stream`, which is read in fragments of these sizes, again and again.
fn read(stream: &[u8], sizes: &[usize]) -> Result<Vec<(u8, Vec<u8>)>, TooLong> {
    let mut reader = Reader::default();
    let mut messages = Vec::new();
    let (mut at, mut sizes) = (0, sizes.iter().cycle());
    while at < stream.len() {
        let end = stream.len().min(at + sizes.next().copied().unwrap_or(usize::MAX >> 1));
        let mut fragment = &stream[at..end];
        loop {
            let (read, message) = reader.next(fragment)?;
            fragment = &fragment[read..];
            let Some(message) = message else { break };
            messages.push((message.number, message.payload.to_vec()));
        }
        assert!(fragment.is_empty());
        at = end;
    }
    Ok(messages)
}

#[test]
fn a_handshake_has_68_bytes_and_only_the_extension_bit() {
    let handshake = Handshake::new([0xab; 20].into(), *b"-FW0100-abcdefghijkl");
    let wire = handshake.encode();
    let expected =
        [&b"\x13BitTorrent protocol"[..], &[0, 0, 0, 0, 0, 0x10, 0, 0], &[0xab; 20], b"-FW0100-abcdefghijkl"];
    assert_eq!(wire[..], expected.concat());
    assert_eq!(wire[27] & 0x10, 0, "no upgrade to version 2");
    assert_eq!(Handshake::parse(&wire), Some(handshake));
    assert!(handshake.has_extensions());
    let mut other = wire;
    other[25] = 0;
    assert_eq!(Handshake::parse(&other).map(|handshake| handshake.has_extensions()), Some(false));
    other[0] = 18;
    assert_eq!(Handshake::parse(&other), None);
}

#[test]
fn our_extension_handshake_is_written_as_bep_10_shows_it() {
    let mut out = Vec::new();
    ExtensionHandshake { ut_metadata: Some(1), metadata_size: None }.write(&mut out);
    assert_eq!(out, b"\0\0\0\x1a\x14\0d1:md11:ut_metadatai1eee");
}

#[test]
fn a_peers_extension_handshake_is_written_and_read() {
    let theirs = ExtensionHandshake { ut_metadata: Some(3), metadata_size: Some(31_235) };
    let mut out = Vec::new();
    theirs.write(&mut out);
    assert_eq!(out, b"\0\0\0\x31\x14\0d1:md11:ut_metadatai3ee13:metadata_sizei31235ee");
    assert_eq!(ExtensionHandshake::parse(&out[6..]), Some(theirs));
    let long = b"d1:md12:ut_holepunchi4e11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei5e4:reqqi500e1:v5:hello6:yourip4:\x7f\0\0\x01e rest";
    let read = ExtensionHandshake { ut_metadata: Some(2), metadata_size: Some(5) };
    assert_eq!(ExtensionHandshake::parse(long), Some(read));
}

#[test]
fn an_extension_handshake_may_lack_everything_and_switch_off() {
    let parse = |text: &str| {
        ExtensionHandshake::parse(text.as_bytes()).map(|read| (read.ut_metadata, read.metadata_size))
    };
    assert_eq!(parse("de"), Some((None, None)));
    assert_eq!(parse("d1:mdee"), Some((None, None)));
    assert_eq!(parse("d1:mi1ee"), Some((None, None)));
    for off in ["i0e", "i256e", "i-1e", "1:a"] {
        assert_eq!(parse(&format!("d1:md11:ut_metadata{off}ee")), Some((Some(0), None)), "{off}");
    }
    for none in ["i0e", "i-1e", "1:a"] {
        assert_eq!(parse(&format!("d13:metadata_size{none}e")), Some((None, None)), "{none}");
    }
    for broken in ["", "le", "i1e", "d1:m", "d1:mde1:mdee"] {
        assert_eq!(parse(broken), None, "{broken}");
    }
}

#[test]
fn metadata_messages_are_written_and_read_as_bep_9_shows_them() {
    let block = [b'x'; METADATA_BLOCK];
    let data = MetadataMessage::Data { piece: 0, total_size: Some(31_235), block: &block };
    let cases = [
        (MetadataMessage::Request { piece: 0 }, 3, &b"\0\0\0\x1b\x14\x03d8:msg_typei0e5:piecei0ee"[..]),
        (data, 1, b"\0\0\x40\x2f\x14\x01d8:msg_typei1e5:piecei0e10:total_sizei31235ee"),
        (MetadataMessage::Reject { piece: 0 }, 1, b"\0\0\0\x1b\x14\x01d8:msg_typei2e5:piecei0ee"),
    ];
    for (message, number, expected) in cases {
        let mut out = Vec::new();
        message.write(number, &mut out);
        let (head, block) = out.split_at(expected.len());
        assert_eq!(head, expected);
        assert!(block.iter().all(|byte| *byte == b'x'));
        assert_eq!(MetadataMessage::parse(&out[6..]), Some(message));
    }
}

#[test]
fn metadata_messages_may_be_odd() {
    let parse = |text| MetadataMessage::parse(text);
    // libtorrent's request names the size, too.
    let request = MetadataMessage::Request { piece: 1 };
    assert_eq!(parse(b"d8:msg_typei0e5:piecei1e10:total_sizei9ee"), Some(request));
    assert_eq!(parse(b"d8:msg_typei3ee"), Some(MetadataMessage::Unknown));
    assert_eq!(parse(b"d8:msg_typei-1e5:piecei-1ee"), Some(MetadataMessage::Unknown));
    let broken: [&[u8]; 6] = [
        b"",
        b"de",
        b"d8:msg_typei1ee",
        b"d8:msg_typei1e5:piecei-1ee",
        b"d8:msg_typei1e5:piecei4294967296ee",
        b"le",
    ];
    for broken in broken {
        assert_eq!(parse(broken), None, "{}", broken.escape_ascii());
    }
}

#[test]
fn other_messages_are_skipped_and_not_kept() {
    let stream = [
        &[0; 4][..],                       // keep-alive
        &message(5, &vec![0xff; 250_000]), // bitfield
        &message(14, b""),                 // have-all
        &message(9, &[0x1a, 0xe1]),        // PORT
        &message(20, b""),                 // extended, without a number
        &message(20, b"\x07other"),        // an extension that we did not name
        &message(20, b"\0de"),
        &message(1, b""), // unchoke
        &message(20, b"\x01d8:msg_typei9ee"),
        &message(20, b"\x01"),
        &message(255, b"unknown"),
    ]
    .concat();
    let expected =
        vec![(0, b"de".to_vec()), (UT_METADATA, b"d8:msg_typei9ee".to_vec()), (UT_METADATA, Vec::new())];
    for sizes in [&[usize::MAX >> 1][..], &[1], &[7, 1, 4096]] {
        assert_eq!(read(&stream, sizes), Ok(expected.clone()));
    }
    let mut reader = Reader::default();
    assert_eq!(reader.next(&stream[..100_000]), Ok((100_000, None)));
    let held = format!("{reader:?}").len();
    assert!(held < 300, "{held}");
}

#[test]
fn messages_have_bounds() {
    let longest = message(5, &vec![0; MAX_MESSAGE - 1]);
    assert_eq!(read(&longest, &[]), Ok(Vec::new()));
    for length in [MAX_MESSAGE + 1, u32::MAX as usize] {
        let head = u32::try_from(length).expect("four bytes").to_be_bytes();
        assert_eq!(read(&head, &[]), Err(TooLong { length }));
    }
    for number in [0, UT_METADATA] {
        let fitting = message(20, &[&[number][..], &vec![b'x'; MAX_EXTENDED]].concat());
        assert_eq!(read(&fitting, &[1000]).map(|messages| messages.len()), Ok(1));
        let head = message(20, &[&[number][..], &vec![b'x'; MAX_EXTENDED + 1]].concat());
        assert_eq!(read(&head[..6], &[1]), Err(TooLong { length: MAX_EXTENDED + 3 }));
    }
    // Other extensions are not kept, so they may be as long as a message.
    assert_eq!(read(&message(20, &vec![9; 100_000]), &[]), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn any_bytes_are_read_the_same_in_any_fragments(
        messages in vec((prop_oneof![Just(20_u8), any::<u8>()], vec(0..4_u8, 0..40)), 0..8),
        noise in vec(any::<u8>(), 0..8),
        sizes in vec(1..30_usize, 1..8),
    ) {
        let mut stream: Vec<u8> = messages.iter().flat_map(|(id, payload)| message(*id, payload)).collect();
        stream.extend_from_slice(&noise);
        prop_assert_eq!(read(&stream, &sizes), read(&stream, &[]));
    }

    #[test]
    fn metadata_messages_survive_writing(
        piece in any::<u32>(),
        total_size in prop::option::of(0..=i64::MAX.unsigned_abs()),
        block in vec(any::<u8>(), 0..40),
        number in 1..=u8::MAX,
    ) {
        for message in [
            MetadataMessage::Request { piece },
            MetadataMessage::Data { piece, total_size, block: &block },
            MetadataMessage::Reject { piece },
        ] {
            let mut out = Vec::new();
            message.write(number, &mut out);
            prop_assert_eq!(out[..4].to_vec(), u32::try_from(out.len() - 4).expect("short").to_be_bytes());
            prop_assert_eq!(out[5], number);
            prop_assert_eq!(MetadataMessage::parse(&out[6..]), Some(message));
        }
    }

    #[test]
    fn extension_handshakes_survive_writing(
        ut_metadata in any::<Option<u8>>(),
        metadata_size in prop::option::of(1..=i64::MAX.unsigned_abs()),
    ) {
        let handshake = ExtensionHandshake { ut_metadata, metadata_size };
        let mut out = Vec::new();
        handshake.write(&mut out);
        prop_assert_eq!(ExtensionHandshake::parse(&out[6..]), Some(handshake));
    }
}
