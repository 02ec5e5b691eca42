//! What `swarm` says where the system does not let it have namespaces of its own.

use std::process::{Command, Output};

/// Runs `interop`, which needs a network of its own.
fn run(command: &mut Command) -> Output {
    command.arg("interop").output().expect("the program runs")
}

fn check(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let output = run(Command::new(env!("CARGO_BIN_EXE_swarm")).env("PATH", "/nonexistent"));
    check(&output, &["`ip` is missing", "iproute2"]);
}

#[test]
fn root_without_the_right_to_namespaces_is_told_how_to_get_it() {
    let drop = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"];
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(drop[0])
    } else {
        // An ordinary user becomes such a root in a namespace of users.
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--", drop[0]]);
        command
    };
    let output = run(command.args(&drop[1..]).arg(env!("CARGO_BIN_EXE_swarm")));
    check(&output, &["network namespaces of its own", "--cap-add SYS_ADMIN", "not permitted"]);
}
