//! What would leave the network if it could: it is captured where a way out would be.

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

/// More packets than these are not kept: one is one too many.
const KEPT: usize = 100;

/// Longer than the headers that are looked at.
const HEADERS: usize = 256;

/// A capture that runs until the process ends.
#[derive(Debug)]
pub(crate) struct Capture {
    packets: Arc<Mutex<Vec<String>>>,
}

impl Capture {
    /// Begins to capture. Every network joined from now on has its default route through the capture.
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
        thread::Builder::new().name("outside".to_owned()).spawn(task).context("cannot start a thread")?;
        began.recv().context("the capture ended at its start")??;
        network.route_outside()?;
        Ok(Self { packets })
    }

    /// Packets that wanted to leave so far, in words: one line each, the first hundred.
    pub(crate) fn packets(&self) -> Vec<String> {
        self.packets.lock().clone()
    }
}

/// Takes the calling thread to where a way out would be.
fn listen(network: &Network) -> anyhow::Result<OwnedFd> {
    network.attach(OUTSIDE)?;
    // The kernel here forwards nothing and says nothing about it, whatever it inherited from the host.
    let orders: String = network
        .addresses(OUTSIDE)
        .iter()
        .map(|it| if it.is_ipv4() { "route add blackhole 0.0.0.0/0\n" } else { "route add blackhole ::/0\n" })
        .collect();
    ip(&orders).context("cannot close the way out")?;
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, Some(eth::ALL));
    socket.context("cannot capture packets")
}

fn record(socket: &OwnedFd, packets: &Mutex<Vec<String>>) {
    let own = hardware_address(OUTSIDE);
    let mut buffer = [0; HEADERS];
    loop {
        // Errors are those of the interface (it is down, for a moment): they pass.
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
