use super::*;

const RUN: &str = "/data/run";

/// The configuration that the first start writes.
fn own() -> Value {
    first_configuration().expect("a configuration")
}

/// The configuration that the children read at the first start.
fn supplied() -> Value {
    let mut value = own();
    supply(&mut value, Path::new(RUN)).expect("random passwords");
    value
}

#[test]
fn the_first_configuration_holds_the_salt_and_addresses_alone() {
    let mut value = own();
    assert_ne!(value["salt"], own()["salt"]);
    value.as_object_mut().expect("an object").remove("salt");
    let expected = json!({
        "apiUrl": "http://127.0.0.1:8000",
        "trackerUrl": "http://127.0.0.1:8080",
        "webapi": { "listen": "127.0.0.1:8000", "secure": false },
        "tracker": { "listen": ["127.0.0.1:8080"] },
    });
    assert_eq!(value, expected);
}

#[test]
fn the_launcher_supplies_sockets_and_connections() {
    let config = parse(&supplied(), Path::new("f")).expect("parses");
    assert_eq!(config.webapi.postgresql.host, "/data/run/postgres");
    assert_eq!(config.migrate.postgresql.user, "fairywren");
    assert_ne!(config.webapi.postgresql.password, config.tracker.postgresql.password);
    assert_eq!(config.zeromq.counts, "ipc:///data/run/zeromq/counts");
    assert_eq!(config.tracker.restart_file, Path::new("swarms"));
}

#[test]
fn what_the_file_says_is_kept() {
    let mut value = own();
    let login = json!({ "host": "db.example.net", "password": "x" });
    value["webapi"]["postgresql"] = login.clone();
    value["zeromq"] = json!({ "counts": "tcp://192.0.2.1:1" });
    supply(&mut value, Path::new(RUN)).expect("random passwords");
    assert_eq!(value["webapi"]["postgresql"], login);
    assert_eq!(value["zeromq"]["counts"], "tcp://192.0.2.1:1");
    assert_eq!(value["zeromq"]["control"], "ipc:///data/run/zeromq/control");
}

#[test]
fn the_salt_is_never_supplied() {
    let mut value = supplied();
    value.as_object_mut().expect("an object").remove("salt");
    supply(&mut value, Path::new(RUN)).expect("random passwords");
    let refusal = parse(&value, Path::new("f")).expect_err("it is required").to_string();
    assert!(refusal.starts_with("f: salt: "), "{refusal}");
}

#[test]
fn sockets_follow_a_moved_folder_and_nothing_else_does() {
    // A file that an earlier version wrote names its sockets.
    let mut value = supplied();
    value["tracker"]["postgresql"]["host"] = "/run/postgresql".into();
    let mut moved = Vec::new();
    relocate(&mut value, Path::new(RUN), Path::new("/new/run"), "", &mut moved);
    assert_eq!(
        moved,
        ["migrate.postgresql.host", "webapi.postgresql.host", "zeromq.control", "zeromq.counts"]
    );
    assert_eq!(value["zeromq"]["counts"], "ipc:///new/run/zeromq/counts");
    assert_eq!(value["webapi"]["postgresql"]["host"], "/new/run/postgres");
    assert_eq!(value["tracker"]["postgresql"]["host"], "/run/postgresql");
}

fn options(site: Option<&str>, tracker: Option<&str>) -> Up {
    let address = |it: &str| it.parse().expect("an address");
    Up { data: None, config: None, site: site.map(address), tracker: tracker.map(address) }
}

#[test]
fn urls_follow_an_address_that_they_only_repeat() {
    let mut value = supplied();
    value["webapi"]["listen"] = "127.0.0.1:0".into();
    value["apiUrl"] = "http://127.0.0.1:0".into();
    value["trackerUrl"] = "https://tracker.example.net".into();
    let config = parse(&value, Path::new("f")).expect("parses");
    settle_addresses(&mut value, &config, &options(None, Some("127.0.0.1:0"))).expect("free ports");
    let config = parse(&value, Path::new("f")).expect("parses");
    assert_ne!(config.webapi.listen.port(), 0);
    assert_eq!(config.api_url.as_str(), format!("http://{}", config.webapi.listen));
    assert_eq!(config.tracker.listen.len(), 1);
    assert_ne!(config.tracker.listen[0].port(), 0);
    assert_eq!(config.tracker_url.as_str(), "https://tracker.example.net");
}
