//! What was dumped can be restored elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::launcher::{Launcher, folder, program, refused};

fn tool(name: &str, data: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program())
        .args([name, "--data"])
        .arg(data)
        .arg("--")
        .args(arguments)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
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
    tool("psql", new.path(), &["--quiet", "--file", file.to_str().expect("UTF-8")]);
    launcher.end(Signal::TERM);
    let launcher = Launcher::start(new.path());
    assert_eq!(launcher.kinds(), ["site", "tracker"], "the account is there");
    assert!(launcher.serves());
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
