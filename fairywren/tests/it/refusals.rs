//! Exit status and message of each start that the launcher refuses.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use infra::testing::SALT;
use rustix::process::{Signal, geteuid};
use serde_json::{Value, json};

use crate::launcher::{FREE_PORTS, Launcher, folder, program, refused, up};

#[test]
fn a_second_up_on_the_same_folder() {
    let folder = folder();
    let mut launcher = Launcher::start(folder.path());
    let (status, said) = refused(up(&program(), folder.path(), &FREE_PORTS));
    assert_eq!(status, Some(2));
    assert!(said.contains("already runs") && said.contains(folder.path().to_str().expect("UTF-8")), "{said}");
    assert!(launcher.serves(), "the first is not disturbed");
    assert!(launcher.end(Signal::TERM).0.success());
}

/// What `up` says of a configuration that it refuses.
fn refused_configuration(text: &str) -> String {
    let folder = folder();
    let file = folder.path().join("mine.json");
    fs::write(&file, text).expect("written");
    let mut command = up(&program(), &folder.path().join("data"), &FREE_PORTS);
    command.arg("--config").arg(&file);
    let (status, said) = refused(command);
    assert_eq!(status, Some(2), "{said}");
    said
}

/// A configuration that `up` runs with.
fn usable() -> Value {
    json!({ "apiUrl": "http://127.0.0.1:8000", "trackerUrl": "http://127.0.0.1:8080", "salt": SALT })
}

#[test]
fn a_key_that_is_unknown_missing_or_of_another_type_is_named_with_its_file() {
    let mut unknown = usable();
    unknown["tracker"] = json!({ "colour": "green" });
    let mut missing = usable();
    missing.as_object_mut().expect("an object").remove("apiUrl");
    let mut other_type = usable();
    other_type["webapi"] = json!({ "poolSize": "many" });
    let mut without_password = usable();
    without_password["webapi"] = json!({ "postgresql": {} });
    let mut no_section = usable();
    no_section["tracker"] = json!("none");
    for (value, expected) in [
        (unknown, "mine.json: tracker.colour: unknown field `colour`"),
        (missing, "mine.json: apiUrl: a required key is missing"),
        (other_type, "mine.json: webapi.poolSize: invalid type"),
        (without_password, "mine.json: webapi.postgresql.password: a required key is missing"),
        (no_section, "mine.json: tracker: invalid"),
    ] {
        let said = refused_configuration(&value.to_string());
        // The launcher adds to what the file says: a position would be one in a text that nobody wrote.
        assert!(said.contains(expected) && !said.contains("column"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_json_is_refused_with_the_position() {
    let said = refused_configuration("{\n  \"salt\": \"x\"\n  \"webapi\": {}\n}");
    assert!(said.contains("mine.json") && said.contains("line 3 column 3"), "{said}");
}

#[test]
fn an_own_configuration_that_is_broken_or_gone() {
    let folder = folder();
    assert!(Launcher::start(folder.path()).end(Signal::TERM).0.success());
    let file = folder.path().join("fairywren.conf.json");
    let whole = fs::read_to_string(&file).expect("the file");
    let mut unsalted: Value = serde_json::from_str(&whole).expect("JSON");
    unsalted.as_object_mut().expect("an object").remove("salt");
    for (text, word) in
        [("{\"colour\": 1}".to_owned(), "colour"), ("{".to_owned(), "EOF"), (unsalted.to_string(), "salt")]
    {
        fs::write(&file, &text).expect("written");
        let (status, said) = refused(up(&program(), folder.path(), &FREE_PORTS));
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("fairywren.conf.json") && said.contains(word), "{said}");
        assert_eq!(fs::read_to_string(&file).expect("the file"), text, "it is left as it was");
    }
    fs::remove_file(&file).expect("removed");
    let (status, said) = refused(up(&program(), folder.path(), &FREE_PORTS));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("backup") && !file.exists(), "no new salt for old data: {said}");
}

#[test]
fn one_process_with_a_server_of_its_own() {
    let mut value = usable();
    let login = json!({ "host": "/run/postgresql", "password": "x" });
    for section in ["migrate", "webapi"] {
        value[section] = json!({ "postgresql": login });
    }
    let said = refused_configuration(&value.to_string());
    assert!(said.contains("tracker.postgresql") && said.contains("migrate.postgresql"), "{said}");
}

#[test]
fn an_address_in_use() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let used = listener.local_addr().expect("its address").to_string();
    let (status, said) =
        refused(up(&program(), folder.path(), &["--site", "127.0.0.1:0", "--tracker", &used]));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&used) && said.contains("--tracker"), "{said}");
}

#[test]
fn a_database_of_another_version() {
    let folder = folder();
    assert!(Launcher::start(folder.path()).end(Signal::TERM).0.success());
    fs::write(folder.path().join("postgres/PG_VERSION"), "9\n").expect("written");
    let (status, said) = refused(up(&program(), folder.path(), &FREE_PORTS));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("postgresql-9") && said.contains("pg_dumpall"), "{said}");
}

#[test]
fn a_folder_that_the_user_of_postgres_cannot_enter() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("its mode");
    let (status, said) = refused(up(&program(), &closed.join("data"), &FREE_PORTS));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains(&format!("chmod a+x {}", closed.display())), "{said}");
}

#[test]
fn a_launcher_without_its_programs() {
    let folder = folder();
    let alone = folder.path().join("fairywren");
    fs::copy(program(), &alone).expect("a copy");
    let (status, said) = refused(up(&alone, &folder.path().join("data"), &FREE_PORTS));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("tracker is missing"), "{said}");
}

#[test]
fn usage_says_what_it_knows() {
    let wrong = Command::new(program()).args(["up", "--colour"]).output().expect("runs");
    assert_eq!(wrong.status.code(), Some(2));
    let help = Command::new(program()).args(["up", "--help"]).output().expect("runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for option in ["--data <DIR>", "--config <FILE>", "--site <ADDR:PORT>", "--tracker <ADDR:PORT>"] {
        assert!(help.contains(option), "{help}");
    }
}
