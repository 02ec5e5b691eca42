use std::net::{SocketAddr, UdpSocket};

use super::frame::describe;
use super::*;
use crate::enter::tests::{Who, alone, until};
use crate::network::tests::{answer, echo, joined};
use crate::network::{Families, HardwareAddress};

const OWN: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 1]);
const OTHER: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 2]);
const ALL: HardwareAddress = HardwareAddress([0xff; 6]);

fn frame(to: HardwareAddress, from: HardwareAddress, kind: u16, payload: &[u8]) -> Vec<u8> {
    [&to.0[..], &from.0, &kind.to_be_bytes(), payload].concat()
}

fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 77, 0, 2, 192, 0, 2, 1];
    [&header[..], payload].concat()
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; 40];
    header[0] = 0x60;
    header[6] = next;
    header[8..10].copy_from_slice(&[0xfd, 0x77]);
    header[23] = 2;
    header[24..28].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    header[39] = 1;
    [&header[..], payload].concat()
}

#[test]
fn packets_are_named_by_protocol_and_addresses() {
    let named = |kind, payload: &[u8]| describe(&frame(OWN, OTHER, kind, payload), OWN).unwrap();
    let ports = [0x1a, 0xe1, 0, 53, 0, 0, 0, 0];
    assert_eq!(named(0x0800, &v4(17, &ports)), "UDP 10.77.0.2:6881 → 192.0.2.1:53");
    assert_eq!(named(0x0800, &v4(6, &ports)), "TCP 10.77.0.2:6881 → 192.0.2.1:53");
    assert_eq!(named(0x0800, &v4(1, &ports)), "ICMP 10.77.0.2 → 192.0.2.1");
    assert_eq!(named(0x0800, &v4(47, &ports)), "IP protocol 47 10.77.0.2 → 192.0.2.1");
    assert_eq!(named(0x86dd, &v6(17, &ports)), "UDP [fd77::2]:6881 → [2001:db8::1]:53");
    assert_eq!(named(0x86dd, &v6(58, &[128, 0, 0, 0])), "ICMPv6 fd77::2 → 2001:db8::1");
    assert_eq!(named(0x88cc, &[]), "Ethernet type 0x88cc 02:00:00:00:00:02 → 02:00:00:00:00:01");
    assert_eq!(named(0x0800, &[0x45]), "a broken packet of 02:00:00:00:00:02");
    assert_eq!(named(0x86dd, &v6(0, &[0])), "a broken packet of 02:00:00:00:00:02");
}

#[test]
fn what_neighbours_tell_each_other_does_not_count() {
    let quiet = |kind, payload: &[u8]| describe(&frame(ALL, OTHER, kind, payload), OWN).is_none();
    assert!(quiet(0x0806, &[0; 28]));
    assert!(quiet(0x0800, &v4(2, &[0x22, 0, 0, 0])), "a membership report");
    assert!(quiet(0x86dd, &v6(58, &[135, 0, 0, 0])), "a neighbour solicitation");
    assert!(
        quiet(0x86dd, &v6(0, &[58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0])),
        "a listener report, behind options"
    );
}

#[test]
fn what_is_for_others_or_comes_from_here_does_not_count() {
    let packet = v4(17, &[0; 8]);
    assert!(describe(&frame(OWN, OTHER, 0x0800, &packet), OWN).is_some());
    assert!(describe(&frame(ALL, OTHER, 0x0800, &packet), OWN).is_some(), "a broadcast leaves too");
    assert!(
        describe(&frame(OTHER, ALL, 0x0800, &packet), OWN).is_none(),
        "a bridge shows all what it has no place for"
    );
    assert!(describe(&frame(OTHER, OWN, 0x0800, &packet), OWN).is_none());
    assert!(describe(&[0; 13], OWN).is_none());
}

#[test]
fn who_wants_to_leave_is_seen_and_who_stays_is_not() {
    alone("outside::tests::who_wants_to_leave_is_seen_and_who_stays_is_not", Who::ordinary(), || {
        let network = Network::make(Families::Both).unwrap();
        let capture = Capture::start(&network).unwrap();
        let servers = joined(&network, 2, |port| echo(&port));
        answer(&servers);
        joined(&network, 3, move |_| {
            answer(&servers);
            for address in ["192.0.2.1:9", "[2001:db8::1]:9"] {
                let address: SocketAddr = address.parse().unwrap();
                let any = if address.is_ipv4() { "0.0.0.0:7001" } else { "[::]:7001" };
                UdpSocket::bind(any).unwrap().send_to(b"let me out", address).unwrap();
            }
        });
        until("both packets are seen", || capture.packets().len() >= 2);
        // The hub has no other way either.
        UdpSocket::bind("0.0.0.0:7001").unwrap().send_to(b"me too", "198.51.100.1:9").unwrap();
        until("the hub's packet is seen", || capture.packets().len() >= 3);
        let packets = capture.packets();
        assert_eq!(
            packets,
            [
                "UDP 10.77.0.3:7001 → 192.0.2.1:9",
                "UDP [fd77::3]:7001 → [2001:db8::1]:9",
                "UDP 10.77.0.1:7001 → 198.51.100.1:9"
            ]
        );
    });
}
