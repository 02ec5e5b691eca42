//! The client that a peer id names by its first bytes (BEP 20). It is a convention: a client can claim any name.

use bt::ClientPrefix;

/// Clients by their two letters in peer ids of the Azureus style, `-XX1234-`.
const CLIENTS: [(&[u8; 2], &str); 22] = [
    (b"AG", "Ares"),
    (b"AZ", "Vuze"),
    (b"BC", "BitComet"),
    (b"BI", "BiglyBT"),
    (b"BT", "BitTorrent"),
    (b"DE", "Deluge"),
    (b"FD", "Free Download Manager"),
    (b"FL", "Flud"),
    (b"FW", "FrostWire"),
    (b"KT", "KTorrent"),
    (b"LT", "libtorrent"),
    (b"PI", "PicoTorrent"),
    (b"TR", "Transmission"),
    (b"TX", "Tixati"),
    (b"UM", "µTorrent for Mac"),
    (b"UT", "µTorrent"),
    (b"UW", "µTorrent Web"),
    (b"WD", "WebTorrent Desktop"),
    (b"WW", "WebTorrent"),
    (b"lt", "rTorrent"),
    (b"qB", "qBittorrent"),
    (b"rQ", "librqbit"),
];

/// Name and version of the client, or the first characters of a peer id in an unknown style.
pub fn of(client: &ClientPrefix) -> String {
    if let [b'-', a, b, version @ .., b'-'] = client
        && let Some((_, name)) = CLIENTS.iter().find(|(code, _)| *code == &[*a, *b])
    {
        return format!("{name} {}", dotted(version));
    }
    // aria2 has a style of its own: `A2-1-36-0-`.
    if let Some(rest) = client.strip_prefix(b"A2-") {
        let parts = rest.split(|it| *it == b'-').filter(|it| !it.is_empty()).map(String::from_utf8_lossy);
        return format!("aria2 {}", plain(&parts.collect::<Vec<_>>().join(".")));
    }
    let start: Vec<u8> = client.iter().copied().take_while(u8::is_ascii_graphic).collect();
    if start.is_empty() { "unknown".to_owned() } else { plain(&String::from_utf8_lossy(&start)) }
}

/// A version of the Azureus style: `5040` as `5.0.4`. Each character is a number, letters from 10 on; zeros at the end
/// are left out.
fn dotted(version: &[u8]) -> String {
    let numbers: Vec<String> = version
        .iter()
        .map(|digit| char::from(*digit).to_digit(36).map_or_else(|| "?".to_owned(), |it| it.to_string()))
        .collect();
    let mut kept = numbers.as_slice();
    while let [first, .., last] = kept
        && last == "0"
        && kept.len() > 2
        && !first.is_empty()
    {
        kept = &kept[..kept.len() - 1];
    }
    kept.join(".")
}

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_styles_are_named() {
        for (id, name) in [
            (b"-qB5040-", "qBittorrent 5.0.4"),
            (b"-TR4060-", "Transmission 4.0.6"),
            (b"-TR4000-", "Transmission 4.0"),
            (b"-LT20B0-", "libtorrent 2.0.11"),
            (b"-lt0FA0-", "rTorrent 0.15.10"),
            (b"A2-1-36-", "aria2 1.36"),
            (b"-XX1234-", "-XX1234-"),
            (b"\0\0\0\0\0\0\0\0", "unknown"),
            (b"<b>\xff\0\0\0\0", "<b>"),
        ] {
            assert_eq!(of(id), name);
        }
    }
}
