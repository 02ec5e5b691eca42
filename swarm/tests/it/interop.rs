//! Every program fetches from another one through our tracker.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn every_program_seeds_and_fetches() {
    let programs = std::env::var_os("FAIRYWREN_TEST_PROGRAMS");
    let programs = PathBuf::from(programs.expect("FAIRYWREN_TEST_PROGRAMS names the folder of the programs"));
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("table.md");
    let mut command = Command::new(programs.join("swarm"));
    let output = command.args(["interop", "--short", "--table"]).arg(&table).output().expect("swarm runs");
    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{log}");
    let table = std::fs::read_to_string(&table).expect("the table");
    for row in ["| **rtorrent** | – | v1 | – | – | hybrid |", "| **aria2** | – | – | – | – | v1 |"]
    {
        assert!(table.contains(row), "{table}");
    }
}
