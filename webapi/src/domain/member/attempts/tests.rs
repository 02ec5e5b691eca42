use super::*;

const WINDOW: Duration = Duration::from_mins(5);

fn attempt<'a>(name: &'a str, address: &str) -> Attempt<'a> {
    Attempt { name: Some(name), ..link(address) }
}

fn link(address: &str) -> Attempt<'static> {
    Attempt::link(address.parse().expect("an address"))
}

fn known<'a>(name: &'a str, address: &str, device: u8) -> Attempt<'a> {
    Attempt { device: Some(DeviceId([device; 8])), ..attempt(name, address) }
}

#[test]
fn failures_from_elsewhere_do_not_lock_a_name_until_there_are_a_hundred() {
    let (attempts, now) = (Attempts::new(10, WINDOW), Instant::now());
    for n in 0..100 {
        assert!(
            attempts.check(&attempt("alice", "198.51.100.1"), now).is_ok(),
            "after {n} failures elsewhere"
        );
        attempts.fail(&attempt("Alice", &format!("192.0.2.{n}")), now);
    }
    assert!(attempts.check(&attempt("ALICE", "198.51.100.1"), now).is_err(), "in any case of letters");
    assert!(attempts.check(&attempt("bob", "198.51.100.1"), now).is_ok());
}

#[test]
fn the_limit_of_a_name_is_never_below_that_of_a_network() {
    let (attempts, now) = (Attempts::new(150, WINDOW), Instant::now());
    for n in 0..149 {
        attempts.fail(&attempt("alice", &format!("192.0.2.{n}")), now);
    }
    assert!(attempts.check(&attempt("alice", "198.51.100.1"), now).is_ok());
}

#[test]
fn a_network_is_limited_for_any_name_and_ipv6_by_its_64() {
    let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
    attempts.fail(&attempt("a1", "2001:db8::1"), now);
    attempts.fail(&attempt("b1", "2001:db8::2"), now);
    assert!(attempts.check(&attempt("c1", "2001:db8::ffff:3"), now).is_err());
    assert!(attempts.check(&attempt("c1", "2001:db8:0:1::1"), now).is_ok());
    attempts.fail(&attempt("a1", "192.0.2.1"), now);
    attempts.fail(&attempt("b1", "::ffff:192.0.2.1"), now);
    assert!(attempts.check(&attempt("c1", "192.0.2.1"), now).is_err(), "a mapped address is the IPv4 one");
    assert!(attempts.check(&attempt("c1", "192.0.2.2"), now).is_ok());
}

#[test]
fn a_48_is_limited_to_ten_times_as_many_from_any_of_its_networks() {
    let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
    for n in 0..20 {
        assert!(attempts.check(&attempt("zoe", "2001:db8:0:ffff::1"), now).is_ok(), "after {n}");
        attempts.fail(&attempt(&format!("name{n}"), &format!("2001:db8:0:{n}::1")), now);
    }
    assert!(attempts.check(&attempt("zoe", "2001:db8:0:ffff::1"), now).is_err());
    assert!(attempts.check(&attempt("zoe", "2001:db8:1::1"), now).is_ok());
}

#[test]
fn a_known_browser_is_locked_out_by_its_own_failures_alone() {
    let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
    for n in 0..150 {
        attempts.fail(&attempt("alice", &format!("192.0.2.{n}")), now);
    }
    let own = known("alice", "192.0.2.1", 1);
    assert!(attempts.check(&own, now).is_ok(), "neither the name nor the network counts");
    attempts.fail(&own, now);
    assert!(attempts.check(&own, now).is_ok());
    attempts.fail(&own, now);
    assert!(attempts.check(&own, now).is_err());
    assert!(attempts.check(&known("alice", "192.0.2.1", 2), now).is_ok(), "another browser of hers");
}

#[test]
fn typing_errors_in_a_known_browser_cost_neither_the_network_nor_the_name() {
    let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
    for _ in 0..150 {
        attempts.fail(&known("alice", "192.0.2.1", 1), now);
    }
    assert!(attempts.check(&attempt("bob", "192.0.2.1"), now).is_ok());
    assert!(attempts.check(&attempt("alice", "192.0.2.1"), now).is_ok());
}

#[test]
fn links_and_impossible_names_count_by_network_only() {
    let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
    attempts.fail(&link("192.0.2.1"), now);
    attempts.fail(&link("192.0.2.1"), now);
    assert!(attempts.check(&link("192.0.2.1"), now).is_err());
    assert!(attempts.counts.lock().guessers.is_empty());
}

#[test]
fn the_limit_ends_with_its_window() {
    let (attempts, now) = (Attempts::new(1, WINDOW), Instant::now());
    let alice = attempt("alice", "192.0.2.1");
    attempts.fail(&alice, now);
    let Err(Error::TooMany { retry_after }) = attempts.check(&alice, now + Duration::from_secs(100)) else {
        panic!("not limited")
    };
    assert_eq!(retry_after, Duration::from_secs(200));
    assert!(attempts.check(&alice, now + WINDOW).is_ok());
}

#[test]
fn a_full_table_forgets_networks_and_keeps_every_name() {
    let (attempts, now) = (Attempts::new(10, WINDOW), Instant::now());
    let target = attempt("alice", "198.51.100.1");
    for _ in 0..10 {
        attempts.fail(&target, now);
    }
    for n in 0..100_000_u32 {
        attempts.fail(&Attempt::link(IpAddr::from(n.to_be_bytes())), now);
    }
    assert!(attempts.counts.lock().len() <= CAPACITY);
    assert!(attempts.check(&target, now).is_err(), "the name is still limited from that network");
    assert_eq!(attempts.counts.lock().guessers.len(), 2);
}

#[test]
fn names_that_failed_often_outlive_a_flood_of_names() {
    let (attempts, now) = (Attempts::new(10, WINDOW), Instant::now());
    let target = attempt("alice", "198.51.100.1");
    for _ in 0..10 {
        attempts.fail(&target, now);
    }
    for n in 0..100_000_u32 {
        let name = format!("name{n}");
        attempts.fail(&Attempt { name: Some(&name), ..Attempt::link(IpAddr::from(n.to_be_bytes())) }, now);
        assert!(attempts.counts.lock().len() <= CAPACITY);
    }
    assert!(attempts.check(&target, now).is_err());
}

#[test]
fn a_full_table_forgets_what_is_over_first() {
    let (attempts, now) = (Attempts::new(1, WINDOW), Instant::now());
    attempts.fail(&attempt("alice", "192.0.2.1"), now);
    while !attempts.counts.lock().is_full() {
        let n = u32::try_from(attempts.counts.lock().len()).expect("small");
        attempts.fail(&Attempt::link(IpAddr::from(n.to_be_bytes())), now);
    }
    let later = now + WINDOW;
    attempts.fail(&link("255.255.255.255"), later);
    attempts.fail(&link("255.255.255.254"), later);
    let counts = attempts.counts.lock();
    assert_eq!((counts.origins.len(), counts.guessers.len()), (2, 0));
    drop(counts);
    assert!(attempts.check(&link("255.255.255.255"), later).is_err());
}
