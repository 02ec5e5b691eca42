use super::*;

const RUN: &str = "/data/run";

fn own() -> Value {
    defaults(Path::new(RUN)).expect("defaults")
}

#[test]
fn the_defaults_are_a_configuration_without_any_secret_of_the_example() {
    let config = parse(&own(), Path::new("f")).expect("parses");
    assert_eq!(config.webapi.postgresql.host, "/data/run/postgres");
    assert!(!config.webapi.secure);
    let text = own().to_string();
    for placeholder in ["password", "example.org", "openssl"] {
        assert!(!text.replace("\"password\":", "").contains(placeholder), "{placeholder} in {text}");
    }
    let (one, other) = (own(), own());
    assert_ne!(one["salt"], other["salt"]);
}

#[test]
fn missing_keys_are_filled_and_named_but_never_the_salt() {
    let mut value = own();
    for (parent, key) in
        [("", "pathDepth"), ("", "salt"), ("/tracker", "numwant"), ("/webapi/postgresql", "dbname")]
    {
        value.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(key);
    }
    let mut filled = Vec::new();
    fill(&mut value, &own(), "", &mut filled);
    assert_eq!(filled, ["pathDepth", "tracker.numwant"]);
    assert_eq!((&value["pathDepth"], &value["tracker"]["numwant"]), (&json!(0), &json!(50)));
    assert!(parse(&value, Path::new("f")).is_err());
}

#[test]
fn sockets_follow_a_moved_folder_and_nothing_else_does() {
    let mut value = own();
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
    let mut value = own();
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
