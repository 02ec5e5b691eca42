use super::*;

const EXAMPLE: &str = include_str!("../../../example.conf.json");

fn example() -> serde_json::Value {
    serde_json::from_str(EXAMPLE).expect("example.conf.json is JSON")
}

fn refusal(value: &serde_json::Value) -> String {
    Config::parse(&value.to_string(), Path::new("my.conf.json")).expect_err("refused").to_string()
}

/// Each key's path, objects first.
fn keys(value: &serde_json::Value, prefix: &str) -> Vec<String> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let below = object.iter().flat_map(|(key, value)| {
        let pointer = format!("{prefix}/{key}");
        let mut found = keys(value, &pointer);
        found.insert(0, pointer);
        found
    });
    below.collect()
}

#[test]
fn the_example_is_a_configuration() {
    let config = Config::parse(EXAMPLE, Path::new("example.conf.json")).expect("the example parses");
    assert_eq!(config.tracker.interval, Duration::from_mins(30));
}

#[test]
fn each_missing_key_is_named_with_its_file() {
    for pointer in keys(&example(), "") {
        let mut value = example();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        value.pointer_mut(parent).and_then(|it| it.as_object_mut()).expect("an object").remove(key);
        let message = refusal(&value);
        assert!(message.starts_with("my.conf.json: ") && message.contains(key), "{message}");
    }
}

#[test]
fn an_unknown_key_in_each_object_is_named() {
    for pointer in keys(&example(), "").into_iter().chain([String::new()]) {
        let mut value = example();
        let Some(object) = value.pointer_mut(&pointer).and_then(|it| it.as_object_mut()) else {
            continue;
        };
        object.insert("colour".to_owned(), "green".into());
        let message = refusal(&value);
        assert!(message.contains("colour"), "{message}");
    }
}

#[test]
fn each_value_of_another_type_is_named() {
    for pointer in keys(&example(), "") {
        let mut value = example();
        *value.pointer_mut(&pointer).expect("a value") = serde_json::json!({"a": [1.5]});
        let message = refusal(&value);
        let key = pointer[1..].replace('/', ".");
        assert!(message.contains(&key), "{message} names {key}");
    }
}

#[test]
fn values_out_of_range_are_named() {
    for (pointer, wrong) in [
        ("/salt", serde_json::json!("short")),
        ("/trackerUrl", "ftp://a".into()),
        ("/apiUrl", "https://user:pw@a".into()),
        ("/pathDepth", 17.into()),
        ("/trustedProxies", serde_json::json!(["10.0.0.0/33"])),
        ("/zeromq/counts", "inproc://a".into()),
        ("/webapi/listen", "localhost".into()),
        ("/webapi/poolSize", 0.into()),
        ("/webapi/sessionMaxDays", 7.into()),
        ("/webapi/uploadsPerDay", 0.into()),
        ("/webapi/requestsPerMinute", 0.into()),
        ("/tracker/listen", serde_json::json!([])),
        ("/tracker/numwant", 500.into()),
        ("/tracker/peerTimeoutSeconds", 60.into()),
        ("/tracker/peerTimeoutSeconds", 86401.into()),
        ("/tracker/peersPerMember", 101.into()),
        ("/tracker/maxBytesPerSecond", 0.into()),
        ("/tracker/maxMemberBytesPerSecond", 0.into()),
    ] {
        let mut value = example();
        *value.pointer_mut(pointer).expect("a value") = wrong;
        let message = refusal(&value);
        assert!(message.contains(&pointer[1..].replace('/', ".")), "{message} names {pointer}");
    }
}

#[test]
fn a_url_is_kept_without_its_last_slash_and_knows_its_path() {
    let mut value = example();
    value["apiUrl"] = "https://a.example/b/c/".into();
    let config = Config::parse(&value.to_string(), Path::new("f")).expect("parses");
    assert_eq!((config.api_url.as_str(), config.api_url.path()), ("https://a.example/b/c", "/b/c"));
    assert_eq!(config.tracker_url.path(), "");
}

#[test]
fn debug_keeps_the_secrets() {
    let config = Config::parse(EXAMPLE, Path::new("f")).expect("parses");
    let text = format!("{config:?}");
    assert!(!text.contains("openssl") && !text.contains("password of"), "{text}");
}
