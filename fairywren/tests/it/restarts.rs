//! Deaths: of each child, and of the launcher itself.

use rustix::process::Signal;

use crate::launcher::{Launcher, folder, kill, processes_of, wait_until};

#[test]
fn each_killed_child_is_started_again_and_it_is_said() {
    let folder = folder();
    let mut launcher = Launcher::start(folder.path());
    for name in ["tracker", "webapi", "postgres"] {
        let killed = launcher.child(name).expect("it runs");
        kill(killed, Signal::KILL);
        wait_until(&format!("{name} serves again"), || {
            launcher.child(name).is_some_and(|it| it != killed) && launcher.serves()
        });
    }
    let (status, log) = launcher.end(Signal::TERM);
    assert!(status.success());
    for name in ["tracker", "webapi", "postgres"] {
        assert!(
            log.contains(&format!("{name} ended (signal: 9 (SIGKILL)); starting it again in 100 ms")),
            "{log}"
        );
    }
}

#[test]
fn the_children_of_a_killed_launcher_end_and_the_next_start_waits_for_them() {
    let folder = folder();
    let mut launcher = Launcher::start(folder.path());
    kill(launcher.pid(), Signal::KILL);
    let mut next = Launcher::start(folder.path());
    assert!(next.serves());
    assert_eq!(launcher.end(Signal::KILL).0.code(), None);
    assert!(next.end(Signal::TERM).0.success());

    let mut launcher = Launcher::start(folder.path());
    launcher.end(Signal::KILL);
    wait_until("all children have ended", || processes_of(folder.path()).is_empty());
}
