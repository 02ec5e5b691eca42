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

/// The bridge's own place in the network.
const HUB: u16 = 1;

/// Who is asked to forward what leaves the network, and does not: 10.77.255.254 and `fd77::fffe`.
pub(crate) const OUTSIDE: u16 = 65534;

/// What a client's cable carries towards it: as much as a line into a house, drop by drop.
///
/// Without a bound, several pieces reach aria2 1.36 at once, and it tells of them by a second `bitfield` instead of
/// `have`s. rtorrent 0.9.8 hangs up on that, and aria2 then stays away from it for a while.
const LINE: &str = "tbf rate 80mbit burst 16k latency 200ms";

/// The address families of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    /// IPv6 only where the system has it.
    Both,
}

/// The bridge, in the namespace that `enter` made. Tracker and site are at its first address of each family:
/// 10.77.0.1/16 and `fd77::1/64`.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    families: Families,
    /// The namespace of the bridge.
    hub: Arc<File>,
    /// Whether networks joined from now on have a default route, through [`OUTSIDE`].
    routed: Arc<AtomicBool>,
}

/// Where a client's own network is joined to the bridge.
#[derive(Debug)]
pub(crate) struct Port {
    /// The client's.
    pub(crate) addresses: Vec<IpAddr>,
    hub: Arc<File>,
    /// The bridge's end of the cable.
    interface: String,
}

impl Network {
    /// Makes the bridge in the calling thread's network.
    pub(crate) fn make(families: Families) -> anyhow::Result<Self> {
        let families = match families {
            Families::Both if !has_ipv6() => Families::V4,
            families => families,
        };
        let hub = Arc::new(File::open("/proc/thread-self/ns/net").context("cannot open the own network")?);
        let network = Self { families, hub, routed: Arc::default() };
        // A bridge without an address of its own takes the lowest of its ports, and another one whenever that changes:
        // the neighbours' caches would be wrong each time.
        let mut orders =
            format!("link set lo up\nlink add br0 address {} type bridge\n", hardware_address(HUB));
        bring_up(&mut orders, "br0", &network.addresses(HUB));
        ip(&orders).context("cannot make the bridge")?;
        Ok(network)
    }

    /// The same for clients of one family alone.
    pub(crate) fn only(&self, families: Families) -> Self {
        Self { families, ..self.clone() }
    }

    /// Gives the calling thread a network of its own, joined to the bridge with address number `number` (2 to 65000):
    /// what it starts and opens from then on is there.
    pub(crate) fn join(&self, number: u16) -> anyhow::Result<Port> {
        ensure!((2..=65000).contains(&number), "a network has no place {number}, only 2 to 65000");
        let port = self.attach(number)?;
        let order = format!("qdisc add dev {} root {LINE}\n", port.interface);
        if let Err(error) = within(&self.hub, || batch("tc", &order)) {
            tracing::warn!(
                "network {number} is as fast as the machine, on which some clients part: {error:#}"
            );
        }
        Ok(port)
    }

    /// [`Network::join`] at any place.
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
            // Leads nowhere. libevent, and so Transmission 3.00, takes no address of a family of which the system has
            // none but 127.0.0.0/8: not even 127.0.0.1 to be asked at.
            orders.push_str("addr add 192.0.2.1/32 dev lo\n");
        }
        bring_up(&mut orders, "eth0", &port.addresses);
        if self.routed.load(Ordering::Acquire) {
            orders.push_str(&self.routes());
        }
        ip(&orders).with_context(|| format!("cannot set up network {number}"))?;
        Ok(port)
    }

    /// From now on what has no place in the network is sent to [`OUTSIDE`], by networks joined later and by the hub.
    pub(crate) fn route_outside(&self) -> anyhow::Result<()> {
        self.routed.store(true, Ordering::Release);
        ip_within(&self.hub, &self.routes()).context("cannot route to the outside")
    }

    fn routes(&self) -> String {
        let mut orders = String::new();
        for gateway in self.addresses(OUTSIDE) {
            let _ = writeln!(orders, "route add default via {gateway}");
        }
        orders
    }

    /// Those of a place in the network.
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
    /// Takes the network away, like a cable that is pulled out.
    pub(crate) fn cut(&self) -> anyhow::Result<()> {
        ip_within(&self.hub, &format!("link set {} down\n", self.interface))
    }

    /// Gives it back.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        ip_within(&self.hub, &format!("link set {} up\n", self.interface))
    }
}

/// The one of the network card at a place: a locally administered one.
pub(crate) fn hardware_address(number: u16) -> HardwareAddress {
    let [high, low] = number.to_be_bytes();
    HardwareAddress([0x02, 0x4d, 0, 0, high, low])
}

/// Of a network card.
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

/// No link-local address, which nobody here needs: with it the kernel would announce itself and look for routers.
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
            // Without duplicate address detection, which takes a second during which nobody can bind to it.
            IpAddr::V6(address) => writeln!(orders, "addr add {address}/64 dev {interface} nodad"),
        };
    }
}

/// [`ip`] in another network than the calling thread's.
fn ip_within(namespace: &File, orders: &str) -> anyhow::Result<()> {
    within(namespace, || ip(orders))
}

fn within(namespace: &File, task: impl FnOnce() -> anyhow::Result<()> + Send) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let work = || {
            setns(namespace, CloneFlags::CLONE_NEWNET).context("cannot enter the bridge's network")?;
            task()
        };
        let worker = thread::Builder::new().spawn_scoped(scope, work).context("cannot start a thread")?;
        worker.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
    })
}

/// Carries out lines of ip(8), up to the first that fails, in the calling thread's network.
pub(crate) fn ip(orders: &str) -> anyhow::Result<()> {
    batch("ip", orders)
}

/// [`ip`] for any program of iproute2. Not all of them are in an ordinary user's `PATH`.
fn batch(program: &str, orders: &str) -> anyhow::Result<()> {
    let place = Path::new("/usr/sbin").join(program);
    let mut child = Command::new(if place.exists() { place.as_os_str() } else { program.as_ref() })
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{program}` (Debian package iproute2)"))?;
    // Where it ended early, what it said is the better message.
    let given = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(orders.as_bytes()));
    let output = child.wait_with_output().with_context(|| format!("cannot wait for `{program}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line: Option<usize> = said.trim().rsplit(':').next().and_then(|number| number.parse().ok());
        let order = line.and_then(|line| orders.lines().nth(line.checked_sub(1)?)).unwrap_or(orders.trim());
        bail!("`{program} {order}`: {}", said.lines().next().unwrap_or_default());
    }
    given.with_context(|| format!("cannot speak to `{program}`"))
}
