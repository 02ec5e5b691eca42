//! What is refused, with which exit status and words.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::{Signal, geteuid};
use serde_json::Value;

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

#[test]
fn keys_that_are_unknown_missing_or_of_another_type() {
    let example: Value = serde_json::from_str(include_str!("../../../example.conf.json")).expect("JSON");
    let mut unknown = example.clone();
    unknown["tracker"]["colour"] = "green".into();
    let mut missing = example.clone();
    missing.as_object_mut().expect("an object").remove("pathDepth");
    let mut other_type = example;
    other_type["webapi"]["secure"] = "yes".into();
    for (value, key) in [(unknown, "colour"), (missing, "pathDepth"), (other_type, "webapi.secure")] {
        let folder = folder();
        let file = folder.path().join("mine.json");
        fs::write(&file, value.to_string()).expect("written");
        let mut command = up(&program(), &folder.path().join("data"), &FREE_PORTS);
        command.arg("--config").arg(&file);
        let (status, said) = refused(command);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("mine.json") && said.contains(key), "{said}");
    }
}

#[test]
fn a_wrong_value_is_named_by_its_key_and_by_no_position_in_a_text_that_nobody_wrote() {
    let folder = folder();
    let file = folder.path().join("mine.json");
    let refused = |text: &str| {
        fs::write(&file, text).expect("written");
        let mut command = up(&program(), &folder.path().join("data"), &FREE_PORTS);
        command.arg("--config").arg(&file);
        let (status, said) = refused(command);
        assert_eq!(status, Some(2), "{said}");
        said
    };
    let mut value: Value = serde_json::from_str(include_str!("../../../example.conf.json")).expect("JSON");
    value["webapi"]["poolSize"] = "many".into();
    for (text, key) in [
        (value.to_string(), "mine.json: webapi.poolSize: "),
        (r#"{"webapi": {}}"#.to_owned(), "mine.json: tracker: missing field"),
        (r#"{"tracker": {"numwant": -1}}"#.to_owned(), "mine.json: tracker.numwant: "),
    ] {
        let said = refused(&text);
        assert!(said.contains(key) && !said.contains("column"), "{said}");
    }
    let said = refused("{\n  \"salt\": \"x\"\n  \"webapi\": {}\n}");
    assert!(said.contains("line 3 column 3"), "a position in the file itself: {said}");
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
    let folder = folder();
    let file = folder.path().join("mine.json");
    let mut value: Value = serde_json::from_str(include_str!("../../../example.conf.json")).expect("JSON");
    value["tracker"].as_object_mut().expect("an object").remove("postgresql");
    fs::write(&file, value.to_string()).expect("written");
    let mut command = up(&program(), &folder.path().join("data"), &FREE_PORTS);
    command.arg("--config").arg(&file);
    let (status, said) = refused(command);
    assert_eq!(status, Some(2), "{said}");
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
