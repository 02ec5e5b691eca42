//! A dump can be restored into another data folder.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::launcher::{Launcher, folder, program, refused};

fn command(name: &str, data: &Path) -> Command {
    let mut command = Command::new(program());
    command.args([name, "--data"]).arg(data);
    command
}

fn tool(name: &str, data: &Path, arguments: &[&str]) -> Output {
    let output = command(name, data).arg("--").args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Restores the dump in `file`; answers the exit status and what was said.
fn restore(data: &Path, file: &Path) -> (bool, String) {
    let dump = File::open(file).expect("the dump");
    let output = command("restore", data).stdin(dump).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("UTF-8"))
}

/// How many accounts there are.
fn accounts(data: &Path) -> String {
    let rows = ["--quiet", "--tuples-only", "--no-align", "--command", "select count(*) from users"];
    String::from_utf8(tool("psql", data, &rows).stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn a_dump_and_the_two_files_beside_it_are_a_whole_backup() {
    let (old, new) = (folder(), folder());
    let mut launcher = Launcher::start(old.path());
    tool("psql", old.path(), &["--command", "insert into users (name, password_hash) values ('ann', 'x')"]);
    let dump = tool("dump", old.path(), &[]).stdout;
    launcher.end(Signal::TERM);

    for file in ["fairywren.conf.json", "postgres.json"] {
        fs::copy(old.path().join(file), new.path().join(file)).expect("copied");
    }
    let file = new.path().join("backup.sql");
    fs::write(&file, dump).expect("written");
    let mut launcher = Launcher::start(new.path());
    assert_eq!(restore(new.path(), &file), (true, String::new()));
    launcher.end(Signal::TERM);
    let launcher = Launcher::start(new.path());
    assert_eq!(launcher.kinds(), ["site", "tracker"], "the account is there");
    assert!(launcher.serves());
}

#[test]
fn a_dump_of_an_earlier_version_is_restored_and_migrated() {
    let folder = folder();
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites/schema-2/site.sql");
    let mut launcher = Launcher::start(folder.path());
    assert_eq!(restore(folder.path(), &dump), (true, String::new()));
    launcher.end(Signal::TERM);
    let launcher = Launcher::start(folder.path());
    assert_eq!(launcher.kinds(), ["site", "tracker"], "accounts are there");
    assert!(launcher.serves());
}

#[test]
fn what_is_no_whole_dump_changes_nothing() {
    let folder = folder();
    let _launcher = Launcher::start(folder.path());
    for name in ["ann", "bea", "cai"] {
        let sql = format!("insert into users (name, password_hash) values ('{name}', 'x')");
        tool("psql", folder.path(), &["--command", &sql]);
    }
    let dump = String::from_utf8(tool("dump", folder.path(), &[]).stdout).expect("UTF-8");
    let until = |text: &str| &dump[..dump.find(text).expect("it is in the dump")];
    let end = "-- PostgreSQL database dump complete\n";
    for (input, sentence) in [
        ("", "its end is missing"),
        ("-- nothing\n", "its end is missing"),
        (until("\tbea\t"), "its end is missing"),
        (until("ADD CONSTRAINT users_pkey"), "its end is missing"),
        (&format!("{}\n{end}", until("ADD CONSTRAINT users_pkey")), "as it was"),
        (&format!("create table x (a int);\n{end}"), "as it was"),
        ("rubbish;\n", "as it was"),
    ] {
        let file = folder.path().join("input.sql");
        fs::write(&file, input).expect("written");
        let (done, said) = restore(folder.path(), &file);
        assert!(!done && said.contains(sentence), "{said}");
        assert_eq!(accounts(folder.path()), "3", "after {} bytes", input.len());
    }
}

#[test]
fn a_dump_of_what_does_not_run_is_refused() {
    let folder = folder();
    let mut command = Command::new(program());
    command.args(["dump", "--data"]).arg(folder.path());
    let (status, message) = refused(command);
    assert_eq!(status, Some(2));
    assert!(message.contains("start `fairywren up` there first"), "{message}");
}
