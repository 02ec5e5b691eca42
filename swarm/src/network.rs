//! The private network: a bridge with the tracker and the site on it, and a network of its own for each client.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, anyhow, bail, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// The number of the bridge's address.
const HUB: u16 = 1;

/// The number of the default gateway, which records packets and forwards none: 10.77.255.254 and `fd77::fffe`.
pub(crate) const OUTSIDE: u16 = 65534;

/// The queue discipline of a client's link, in the direction to the client: 80 Mbit/s in short bursts.
///
/// Without a limit several pieces reach aria2 1.36 at once, and it sends a second `bitfield` in place of `have` messages.
/// rtorrent 0.9.8 disconnects on that, and aria2 then avoids it for a while.
const LINE: &str = "tbf rate 80mbit burst 16k latency 200ms";

/// The address families of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    /// IPv6 only where the system has it.
    Both,
}

/// The bridge, in the namespace that `enter` made, where tracker and site listen: 10.77.0.1/16 and `fd77::1/64`.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    families: Families,
    /// The namespace of the bridge.
    hub: Arc<File>,
    /// Whether networks that join from now on get a default route through [`OUTSIDE`].
    routed: Arc<AtomicBool>,
}

/// The port of the bridge that a client's network is connected to.
#[derive(Debug)]
pub(crate) struct Port {
    /// The client's addresses.
    pub(crate) addresses: Vec<IpAddr>,
    hub: Arc<File>,
    /// The bridge's end of the veth pair.
    interface: String,
}

impl Network {
    /// Makes the bridge in the network of the calling thread.
    pub(crate) fn make(families: Families) -> anyhow::Result<Self> {
        let families = match families {
            Families::Both if !has_ipv6() => Families::V4,
            families => families,
        };
        let hub = Arc::new(
            File::open("/proc/thread-self/ns/net").context("cannot open the own network namespace")?,
        );
        let network = Self { families, hub, routed: Arc::default() };
        // Without a hardware address of its own a bridge takes the lowest of its ports', which changes when ports come and
        // go and makes the neighbours' ARP caches wrong.
        let mut orders =
            format!("link set lo up\nlink add br0 address {} type bridge\n", hardware_address(HUB));
        bring_up(&mut orders, "br0", &network.addresses(HUB));
        ip(&orders).context("cannot make the bridge")?;
        Ok(network)
    }

    /// The same network, for clients with one address family.
    pub(crate) fn only(&self, families: Families) -> Self {
        Self { families, ..self.clone() }
    }

    /// Moves the calling thread into a network of its own, connected to the bridge with address number `number` (2 to 65000).
    /// Sockets and processes that the thread makes from then on are in it.
    pub(crate) fn join(&self, number: u16) -> anyhow::Result<Port> {
        ensure!((2..=65000).contains(&number), "the address number {number} is not from 2 to 65000");
        let port = self.attach(number)?;
        let order = format!("qdisc add dev {} root {LINE}\n", port.interface);
        if let Err(error) = within(&self.hub, || batch("tc", &order)) {
            tracing::warn!(
                "cannot limit the rate of network {number}, without which some clients disconnect: {error:#}"
            );
        }
        Ok(port)
    }

    /// [`Network::join`] without limits of address number and rate.
    pub(crate) fn attach(&self, number: u16) -> anyhow::Result<Port> {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
        let thread = rustix::thread::gettid();
        let port = Port {
            addresses: self.addresses(number),
            hub: Arc::clone(&self.hub),
            interface: format!("v{number}"),
        };
        let interface = &port.interface;
        let mut orders = format!(
            "link add {interface} type veth peer name eth0 address {} netns {thread}\n",
            hardware_address(number)
        );
        keep_quiet(&mut orders, interface);
        let _ = writeln!(orders, "link set {interface} master br0 up");
        ip_within(&self.hub, &orders).with_context(|| format!("cannot join network {number}"))?;

        let mut orders = "link set lo up\n".to_owned();
        if self.families == Families::V6 {
            // An address that leads nowhere. libevent, and with it Transmission 3.00, refuses all IPv4 addresses, even
            // 127.0.0.1, where the system has none beside 127.0.0.0/8.
            orders.push_str("addr add 192.0.2.1/32 dev lo\n");
        }
        bring_up(&mut orders, "eth0", &port.addresses);
        if self.routed.load(Ordering::Acquire) {
            orders.push_str(&self.routes());
        }
        ip(&orders).with_context(|| format!("cannot set up network {number}"))?;
        Ok(port)
    }

    /// Gives the bridge's network, and those that join later, a default route through [`OUTSIDE`].
    pub(crate) fn route_outside(&self) -> anyhow::Result<()> {
        self.routed.store(true, Ordering::Release);
        ip_within(&self.hub, &self.routes()).context("cannot set the default route")
    }

    fn routes(&self) -> String {
        let mut orders = String::new();
        for gateway in self.addresses(OUTSIDE) {
            let _ = writeln!(orders, "route add default via {gateway}");
        }
        orders
    }

    /// The addresses of an address number.
    pub(crate) fn addresses(&self, number: u16) -> Vec<IpAddr> {
        let [high, low] = number.to_be_bytes();
        let v4 = IpAddr::from(Ipv4Addr::new(10, 77, high, low));
        let v6 = IpAddr::from(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number));
        match self.families {
            Families::V4 => vec![v4],
            Families::V6 => vec![v6],
            Families::Both => vec![v4, v6],
        }
    }
}

impl Port {
    /// Disconnects the network, like a cable that is pulled out.
    pub(crate) fn cut(&self) -> anyhow::Result<()> {
        ip_within(&self.hub, &format!("link set {} down\n", self.interface))
    }

    /// Connects the network again.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        ip_within(&self.hub, &format!("link set {} up\n", self.interface))
    }
}

/// The locally administered hardware address for an address number.
pub(crate) fn hardware_address(number: u16) -> HardwareAddress {
    let [high, low] = number.to_be_bytes();
    HardwareAddress([0x02, 0x4d, 0, 0, high, low])
}

/// The hardware address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HardwareAddress(pub(crate) [u8; 6]);

impl std::fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

fn has_ipv6() -> bool {
    Path::new("/proc/net/if_inet6").exists()
}

/// Switches off link-local IPv6 addresses, with which the kernel would announce itself and look for routers.
fn keep_quiet(orders: &mut String, interface: &str) {
    if has_ipv6() {
        let _ = writeln!(orders, "link set {interface} addrgenmode none");
    }
}

fn bring_up(orders: &mut String, interface: &str, addresses: &[IpAddr]) {
    keep_quiet(orders, interface);
    let _ = writeln!(orders, "link set {interface} up");
    for address in addresses {
        let _ = match address {
            IpAddr::V4(address) => writeln!(orders, "addr add {address}/16 dev {interface}"),
            // Without duplicate address detection, which takes a second before anybody can bind to the address.
            IpAddr::V6(address) => writeln!(orders, "addr add {address}/64 dev {interface} nodad"),
        };
    }
}

/// [`ip`] in another network namespace.
fn ip_within(namespace: &File, orders: &str) -> anyhow::Result<()> {
    within(namespace, || ip(orders))
}

fn within(namespace: &File, task: impl FnOnce() -> anyhow::Result<()> + Send) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let work = || {
            setns(namespace, CloneFlags::CLONE_NEWNET).context("cannot enter the bridge's network")?;
            task()
        };
        let worker = thread::Builder::new()
            .spawn_scoped(scope, work)
            .context("cannot start a thread in the bridge's network")?;
        worker.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
    })
}

/// Carries out commands of ip(8), a line each, until one fails, in the network of the calling thread.
pub(crate) fn ip(orders: &str) -> anyhow::Result<()> {
    batch("ip", orders)
}

/// Runs a batch of commands of a program of iproute2, which may be outside an ordinary user's `PATH`.
fn batch(program: &str, orders: &str) -> anyhow::Result<()> {
    let path = Path::new("/usr/sbin").join(program);
    let mut child = Command::new(if path.exists() { path.as_os_str() } else { program.as_ref() })
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{program}` (Debian package iproute2)"))?;
    // If it ended early, its own message is reported rather than the broken pipe.
    let given = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(orders.as_bytes()));
    let output = child.wait_with_output().with_context(|| format!("cannot wait for `{program}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line: Option<usize> = said.trim().rsplit(':').next().and_then(|number| number.parse().ok());
        let order = line.and_then(|line| orders.lines().nth(line.checked_sub(1)?)).unwrap_or(orders.trim());
        bail!("`{program} {order}`: {}", said.lines().next().unwrap_or_default());
    }
    given.with_context(|| format!("cannot write to `{program}`"))
}
