//! Messages of counts: a parsed message is written as the same bytes.

use bt::messages::counts::{self, Position, Record};

use crate::{frames, memory};

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &["counts", "\0\u{6}counts\0\u{10}"];

/// Checks `data` as the frames of one message.
pub fn check(data: &[u8]) {
    let frames = frames::split(data);
    let (message, held) = memory::peak(|| counts::decode(&frames));
    assert!(held <= data.len() * 2, "{held} bytes held");
    let Ok((position, records)) = message else { return };
    let written = counts::encode(position, &records);
    assert_eq!(frames, written);
    assert_eq!(counts::decode(&written), Ok((position, records)));
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    [0_u8, 1, 5]
        .map(|count| {
            let records: Vec<_> = (0..count)
                .map(|number| Record {
                    info_hash: [number; 20].into(),
                    seeders: number.into(),
                    leechers: u32::MAX,
                    snatched: 1 << number,
                })
                .collect();
            let position = Position { epoch: u64::from(count) << 40, seq: u64::MAX };
            frames::join(&counts::encode(position, &records))
        })
        .into()
}
