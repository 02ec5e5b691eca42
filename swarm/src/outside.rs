//! Captures the packets that would leave the network if there were a way out.

mod frame;
#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::Context;
use parking_lot::Mutex;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with};

use crate::network::{Network, OUTSIDE, hardware_address, ip};

/// Packets that are kept, at most.
const KEPT: usize = 100;

/// Bytes of a packet that are read: more than its headers.
const HEADERS: usize = 256;

/// A capture that runs until the process ends.
#[derive(Debug)]
pub(crate) struct Capture {
    packets: Arc<Mutex<Vec<String>>>,
}

impl Capture {
    /// Starts the capture. Networks that join from now on have their default route through it.
    pub(crate) fn start(network: &Network) -> anyhow::Result<Self> {
        let packets = Arc::<Mutex<Vec<String>>>::default();
        let (ready, began) = mpsc::channel();
        let task = {
            let (network, packets) = (network.clone(), Arc::clone(&packets));
            move || match listen(&network) {
                Ok(socket) => {
                    let _ = ready.send(Ok(()));
                    record(&socket, &packets);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        };
        thread::Builder::new()
            .name("outside".to_owned())
            .spawn(task)
            .context("cannot start the thread of the capture")?;
        began.recv().context("the capture ended at its start")??;
        network.route_outside()?;
        Ok(Self { packets })
    }

    /// The first hundred packets so far, in words, a line each.
    pub(crate) fn packets(&self) -> Vec<String> {
        self.packets.lock().clone()
    }
}

/// Moves the calling thread into the gateway's network. A socket that receives all packets there.
fn listen(network: &Network) -> anyhow::Result<OwnedFd> {
    network.attach(OUTSIDE)?;
    // Whatever forwarding the namespace inherited from the host, packets are dropped without an answer.
    let orders: String = network
        .addresses(OUTSIDE)
        .iter()
        .map(|it| if it.is_ipv4() { "route add blackhole 0.0.0.0/0\n" } else { "route add blackhole ::/0\n" })
        .collect();
    ip(&orders).context("cannot set the routes that drop packets")?;
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, Some(eth::ALL));
    socket.context("cannot open a raw socket to capture packets")
}

fn record(socket: &OwnedFd, packets: &Mutex<Vec<String>>) {
    let own = hardware_address(OUTSIDE);
    let mut buffer = [0; HEADERS];
    loop {
        // The interface may be down for a moment.
        let Ok((length, _)) = recv(socket, &mut buffer[..], RecvFlags::empty()) else { continue };
        let Some(words) = buffer.get(..length).and_then(|frame| frame::describe(frame, own)) else {
            continue;
        };
        let mut packets = packets.lock();
        if packets.len() < KEPT {
            packets.push(words);
        }
    }
}
