//! The private network: a bridge with the tracker and the site on it, and a network of its own for each client.

use std::net::IpAddr;

/// The address families of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    Both,
}

/// The bridge, in the namespace that `enter` made. Tracker and site are at its first address of each family:
/// 10.77.0.1/16 and fd77::1/64.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    families: Families,
}

/// Where a client's own network is joined to the bridge.
#[derive(Debug)]
pub(crate) struct Port {
    /// The client's.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Network {
    /// Makes the bridge.
    pub(crate) fn make(families: Families) -> anyhow::Result<Self> {
        Ok(Self { families })
    }

    /// Gives the calling thread a network of its own, joined to the bridge with address number `number` (2 to 65000):
    /// what it starts and opens from then on is there.
    pub(crate) fn join(&self, number: u16) -> anyhow::Result<Port> {
        let _ = (self.families, number);
        anyhow::bail!("unwritten")
    }
}

impl Port {
    /// Takes the network away, like a cable that is pulled out.
    pub(crate) fn cut(&self) -> anyhow::Result<()> {
        anyhow::bail!("unwritten {:?}", self.addresses)
    }

    /// Gives it back.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        anyhow::bail!("unwritten {:?}", self.addresses)
    }
}
