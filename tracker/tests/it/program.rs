//! The command line, exit codes and messages.

use std::process::{Command, Output};

use serde_json::json;

use crate::harness::TrackerRig;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracker")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn help_and_version_are_printed() {
    let help = run(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("CONFIG"));
    let version = run(&["--version"]);
    assert_eq!(text(&version.stdout), concat!("tracker ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_and_configurations_end_with_2_and_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("my.conf.json");
    std::fs::write(&file, r#"{"colour": 1}"#).expect("a file");
    let file = file.to_str().expect("text");
    for (arguments, words) in [
        (&[][..], "CONFIG"),
        (&["a", "b"], "unexpected"),
        (&["/nonexistent/conf.json"], "cannot read the configuration /nonexistent/conf.json"),
        (&[file], "my.conf.json: colour: unknown field"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn another_schema_or_a_taken_address_ends_with_1_and_a_sentence() {
    let mut rig = TrackerRig::new().await;
    let tracker = rig.start().await;
    rig.config["tracker"]["listen"] = json!([tracker.v4.to_string()]);
    let folder = rig.folder.path().join("other");
    rig.config["zeromq"] = json!({
        "counts": format!("ipc://{}/counts", folder.display()),
        "control": format!("ipc://{}/control", folder.display()),
    });
    let taken = run(&[rig.config_file().to_str().expect("text")]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(text(&taken.stderr).contains(&format!("cannot listen on {}", tracker.v4)), "{taken:?}");

    rig.config["tracker"]["listen"] = json!(["127.0.0.1:0"]);
    rig.execute("update schema_migrations set version = version + 1000").await;
    let newer = run(&[rig.config_file().to_str().expect("text")]);
    assert_eq!(newer.status.code(), Some(1));
    assert!(text(&newer.stderr).contains("install the newer program"), "{newer:?}");

    let empty = infra::testing::TestDatabase::create_empty().await.expect("a database");
    rig.config["tracker"]["postgresql"] = json!(empty.login("tracker"));
    let unmigrated = run(&[rig.config_file().to_str().expect("text")]);
    assert_eq!(unmigrated.status.code(), Some(1));
    assert!(text(&unmigrated.stderr).contains("webapi migrate"), "{unmigrated:?}");
}
