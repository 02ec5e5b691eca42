//! Client prefixes by number: peers share few of them, and a number takes 2 bytes in place of 8.

use std::collections::BTreeMap;

use crate::peer::ClientPrefix;

/// The prefix that stands for clients without a number of their own.
const UNKNOWN: ClientPrefix = [0; 8];

/// A table of client prefixes, one for all swarms. It grows up to 65,535 prefixes; later ones get number 0, unknown.
#[derive(Debug)]
pub struct Clients {
    prefixes: Vec<ClientPrefix>,
    /// Ordered, not hashed: strangers choose the prefixes, and a hash against them needs a random seed.
    numbers: BTreeMap<ClientPrefix, u16>,
}

impl Clients {
    /// The number of a prefix, if it has one.
    pub fn number(&self, prefix: &ClientPrefix) -> Option<u16> {
        self.numbers.get(prefix).copied()
    }

    /// The number of a prefix, which gets one if it has none.
    pub fn intern(&mut self, prefix: ClientPrefix) -> u16 {
        if let Some(number) = self.number(&prefix) {
            return number;
        }
        let Ok(number) = u16::try_from(self.prefixes.len()) else { return 0 };
        self.prefixes.push(prefix);
        self.numbers.insert(prefix, number);
        number
    }

    /// The prefix with this number; zeros if there is none.
    pub fn prefix(&self, number: u16) -> ClientPrefix {
        self.prefixes.get(usize::from(number)).copied().unwrap_or(UNKNOWN)
    }

    /// All prefixes by number. Number 0 stands for unknown clients.
    pub fn prefixes(&self) -> &[ClientPrefix] {
        &self.prefixes
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self { prefixes: vec![UNKNOWN], numbers: BTreeMap::from([(UNKNOWN, 0)]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_until_there_are_no_more() {
        let mut clients = Clients::default();
        assert_eq!((clients.intern(UNKNOWN), clients.number(b"-qB5050-")), (0, None));
        for number in 1..=u16::MAX {
            assert_eq!(clients.intern(u64::from(number).to_be_bytes()), number);
        }
        assert_eq!(clients.intern(*b"-qB5050-"), 0, "one too many");
        assert_eq!(clients.intern([0, 0, 0, 0, 0, 0, 1, 0]), 256);
        assert_eq!((clients.prefix(256), clients.prefix(0)), ([0, 0, 0, 0, 0, 0, 1, 0], UNKNOWN));
        assert_eq!(clients.prefixes().len(), 65_536);
    }
}
