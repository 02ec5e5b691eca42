use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

const EXAMPLE: &str = include_str!("../../../example.conf.json");

/// What a file cannot leave out.
const REQUIRED: [&str; 6] = [
    "/trackerUrl",
    "/apiUrl",
    "/salt",
    "/migrate/postgresql/password",
    "/webapi/postgresql/password",
    "/tracker/postgresql/password",
];

fn example() -> Value {
    serde_json::from_str(EXAMPLE).expect("example.conf.json is JSON")
}

/// A file with the required keys alone, as the example gives them.
fn shortest() -> Value {
    let example = example();
    let mut value = json!({});
    for pointer in REQUIRED {
        let mut below = &mut value;
        for key in pointer[1..].split('/') {
            below = &mut below[key];
        }
        *below = example.pointer(pointer).expect("a key of the example").clone();
    }
    value
}

fn parse(value: &Value) -> Config {
    Config::parse(&value.to_string(), Path::new("f")).expect("parses")
}

fn refusal(value: &Value) -> String {
    Config::parse(&value.to_string(), Path::new("my.conf.json")).expect_err("refused").to_string()
}

fn remove(value: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    value.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(key);
}

/// Each key's path, objects first.
fn keys(value: &Value, prefix: &str) -> Vec<String> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let below = object.iter().flat_map(|(key, value)| {
        let pointer = format!("{prefix}/{key}");
        let mut found = keys(value, &pointer);
        found.insert(0, pointer);
        found
    });
    below.collect()
}

/// The refusal of an unknown key in each object, by the object's path.
fn refusals_of_unknown_keys() -> Vec<(String, String)> {
    let objects = keys(&example(), "").into_iter().chain([String::new()]);
    let refusals = objects.filter_map(|pointer| {
        let mut value = example();
        let object = value.pointer_mut(&pointer)?.as_object_mut()?;
        object.insert("colour".to_owned(), "green".into());
        Some((pointer, refusal(&value)))
    });
    refusals.collect()
}

#[test]
fn the_example_equals_the_defaults() {
    assert_eq!(parse(&example()), parse(&shortest()));
}

#[test]
fn the_example_shows_every_key() {
    for (pointer, message) in refusals_of_unknown_keys() {
        // serde lists the keys that it knows, aliases too.
        let known: BTreeSet<&str> = message.split('`').skip(3).step_by(2).collect();
        let example = example();
        let object = example.pointer(&pointer).and_then(Value::as_object).expect("an object");
        let mut shown: BTreeSet<&str> = object.keys().map(String::as_str).collect();
        if pointer.ends_with("/postgresql") {
            shown.extend(known.get("database"));
        }
        assert_eq!(known, shown, "{pointer}");
    }
}

#[test]
fn each_missing_required_key_is_named_with_its_file() {
    for pointer in REQUIRED {
        let mut value = example();
        remove(&mut value, pointer);
        let key = pointer[1..].replace('/', ".");
        assert!(refusal(&value).starts_with(&format!("my.conf.json: {key}: a required key is missing")));
    }
    let mut value = example();
    remove(&mut value, "/webapi");
    assert!(refusal(&value).starts_with("my.conf.json: webapi.postgresql.password: "));
}

#[test]
fn every_other_key_can_be_left_out() {
    for pointer in keys(&example(), "") {
        if REQUIRED.iter().any(|required| required.starts_with(&pointer)) {
            continue;
        }
        let mut value = example();
        remove(&mut value, &pointer);
        assert_eq!(parse(&value), parse(&example()), "{pointer}");
    }
}

#[test]
fn an_unknown_key_in_each_object_is_named() {
    for (pointer, message) in refusals_of_unknown_keys() {
        let parent = pointer.replace('/', ".");
        let key = format!("{parent}.colour");
        let key = key.trim_start_matches('.');
        assert!(message.starts_with(&format!("my.conf.json: {key}: ")), "{message}");
    }
}

#[test]
fn each_value_of_another_type_is_named() {
    for pointer in keys(&example(), "") {
        let mut value = example();
        *value.pointer_mut(&pointer).expect("a value") = json!({"a": [1.5]});
        let message = refusal(&value);
        let key = pointer[1..].replace('/', ".");
        assert!(message.contains(&key), "{message} names {key}");
    }
}

#[test]
fn a_password_that_is_a_number_is_not_quoted() {
    let mut value = example();
    value["webapi"]["postgresql"]["password"] = 1_234_567.into();
    let message = refusal(&value);
    assert!(message.contains("webapi.postgresql.password: expected a string"), "{message}");
    assert!(!message.contains("1234567"), "{message}");
}

#[test]
fn values_out_of_range_are_named() {
    for (pointer, wrong) in [
        ("/salt", json!("short")),
        ("/trackerUrl", "ftp://a".into()),
        ("/apiUrl", "https://user:pw@a".into()),
        ("/pathDepth", 17.into()),
        ("/trustedProxies", json!(["10.0.0.0/33"])),
        ("/zeromq/counts", "inproc://a".into()),
        ("/webapi/listen", "localhost".into()),
        ("/webapi/poolSize", 0.into()),
        ("/webapi/sessionMaxDays", 36_501.into()),
        ("/webapi/uploadsPerDay", 0.into()),
        ("/webapi/requestsPerMinute", 0.into()),
        ("/tracker/listen", json!([])),
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
fn files_of_before_session_max_days_keep_working() {
    let mut value = shortest();
    value["webapi"]["sessionDays"] = 365.into();
    assert_eq!(parse(&value).webapi.session_days, 365);
}

#[test]
fn a_url_is_kept_without_its_last_slash_and_knows_its_path() {
    let mut value = example();
    value["apiUrl"] = "https://a.example/b/c/".into();
    let config = parse(&value);
    assert_eq!((config.api_url.as_str(), config.api_url.path()), ("https://a.example/b/c", "/b/c"));
    assert_eq!(config.tracker_url.path(), "");
}

#[test]
fn debug_keeps_the_secrets() {
    let text = format!("{:?}", parse(&example()));
    assert!(!text.contains("openssl") && !text.contains("password of"), "{text}");
}

#[test]
fn a_file_of_schema_2_is_read_with_the_defaults_of_later_keys() {
    let text = include_str!("../../../fairywren/tests/sites/schema-2/fairywren.conf.json");
    assert_eq!(parse(&serde_json::from_str(text).expect("JSON")), parse(&example()));
}

#[test]
fn each_role_has_a_section_of_its_own_and_is_its_user() {
    let config = parse(&shortest());
    for role in roles().iter().chain([&OWNER]) {
        assert_eq!(role.login(&config).user, role.user);
    }
    let passwords: Vec<&str> = config.logins().iter().map(|login| login.password.reveal()).collect();
    assert_eq!(passwords, ["a long random password", "another long random password"]);
}

/// A program with a file of its own, without the site's salt.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Node {
    queue: BaseUrl,
    #[serde(rename = "pollSeconds", deserialize_with = "values::seconds")]
    poll: Duration,
}

impl Default for Node {
    fn default() -> Self {
        Self { queue: BaseUrl::default(), poll: Duration::from_mins(1) }
    }
}

impl Document for Node {
    fn check(&self) -> Result<(), Problem> {
        if self.queue.as_str().is_empty() {
            Err(Problem::new("queue", "a required key is missing"))
        } else {
            Ok(())
        }
    }
}

#[test]
fn another_program_reads_a_file_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("node.conf.json");
    let error = read::<Node>(&file).expect_err("there is none").to_string();
    assert!(
        error.starts_with("cannot read the configuration ") && error.contains("node.conf.json"),
        "{error}"
    );
    for (text, expected) in [
        ("{}", "node.conf.json: queue: a required key is missing"),
        (r#"{"queue": "https://a.example", "pollSeconds": 0}"#, "node.conf.json: pollSeconds: expected"),
        (r#"{"salt": "x"}"#, "node.conf.json: salt: unknown field"),
        (r#"{"queue": "https://a.example"} x"#, "node.conf.json: .: trailing characters at line 1"),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = read::<Node>(&file).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::write(&file, r#"{"queue": "https://a.example"}"#).expect("written");
    let node = read::<Node>(&file).expect("reads");
    assert_eq!((node.queue.as_str(), node.poll), ("https://a.example", Duration::from_mins(1)));
}
