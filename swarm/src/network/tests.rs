use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::enter::tests::{Who, alone, until};

/// Runs `work` in a thread with a network of its own, and keeps both as long as the process.
pub(crate) fn joined<T: Send + 'static>(
    network: &Network,
    number: u16,
    work: impl FnOnce(Port) -> T + Send + 'static,
) -> T {
    let network = network.clone();
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let port = network.join(number).unwrap();
        done.send(work(port)).unwrap();
        loop {
            thread::park();
        }
    });
    result.recv().unwrap()
}

/// Answers each connection with what it says, at port 7000 of every address.
pub(crate) fn echo(port: &Port) -> Vec<SocketAddr> {
    let serve = |address: &IpAddr| {
        let listener = TcpListener::bind((*address, 7000)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        address
    };
    port.addresses.iter().map(serve).collect()
}

/// Waits until all answer: the kernel may take a second until a new link carries anything.
#[track_caller]
pub(crate) fn answer(servers: &[SocketAddr]) {
    for server in servers {
        until("a server answers", || answers(server));
    }
}

/// Whether somebody answers at once.
fn answers(address: &SocketAddr) -> bool {
    TcpStream::connect_timeout(address, Duration::from_secs(1)).is_ok_and(|mut stream| says(&mut stream))
}

fn says(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 5];
    stream.set_read_timeout(Some(Duration::from_mins(5))).unwrap();
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"hello"
}

fn check_network() {
    let network = Network::make(Families::Both).unwrap();
    let (port, servers) = joined(&network, 2, |port| {
        let servers = echo(&port);
        (port, servers)
    });
    assert_eq!(port.addresses, network.addresses(2));
    assert_eq!(port.addresses[0].to_string(), "10.77.0.2");
    answer(&servers);
    let mut streams = joined(&network, 65000, {
        let servers = servers.clone();
        move |port| {
            assert_eq!(port.addresses[0].to_string(), "10.77.253.232");
            answer(&servers);
            assert!(TcpStream::connect("192.0.2.1:9").is_err(), "there is no way out");
            servers.iter().map(|server| TcpStream::connect(server).unwrap()).collect::<Vec<_>>()
        }
    });

    port.cut().unwrap();
    assert!(!servers.iter().any(answers));
    port.restore().unwrap();
    answer(&servers);
    assert!(streams.iter_mut().all(says), "what was connected is connected again");
}

#[test]
fn clients_reach_each_other_unless_cut_off() {
    alone("network::tests::clients_reach_each_other_unless_cut_off", Who::Myself, check_network);
}

#[test]
fn an_ordinary_user_has_networks_too() {
    alone("network::tests::an_ordinary_user_has_networks_too", Who::ordinary(), check_network);
}

#[test]
fn a_network_has_the_families_that_were_asked_for() {
    alone("network::tests::a_network_has_the_families_that_were_asked_for", Who::Myself, || {
        for families in [Families::V4, Families::V6] {
            thread::spawn(move || {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                let network = Network::make(families).unwrap();
                let servers = joined(&network, 2, |port| echo(&port));
                answer(&servers);
                assert!(servers.iter().all(|server| server.is_ipv4() == (families == Families::V4)));
                assert_eq!(servers.len(), 1);
            })
            .join()
            .unwrap();
        }
    });
}

#[test]
fn an_order_that_ip_refuses_is_named() {
    let error = ip("link show lo\nlink set nothing-there up\n").unwrap_err().to_string();
    assert!(error.contains("`ip link set nothing-there up`: "), "{error}");
    assert!(error.contains("nothing-there") && error.contains("Cannot find device"), "{error}");
}
