//! What root starts runs without root's rights, and reaches what it needs all the same.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use infra::testing::SALT;
use rustix::process::{Signal, geteuid};
use serde_json::json;

use crate::launcher::{FREE_PORTS, Launcher, folder, program, refused, up};

/// `CAP_NET_BIND_SERVICE` alone, as the kernel writes it.
const LOW_PORTS: &str = "0000000000000400";
const NONE: &str = "0000000000000000";

/// What the kernel says of a child.
fn status(launcher: &Launcher, name: &str) -> HashMap<String, String> {
    let pid = launcher.child(name).expect("it runs");
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let lines = text.lines().filter_map(|line| line.split_once(":\t"));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).uid()
}

/// A port below 1024 of an address that is nobody else's: it begins with 127 and the number of this process.
fn low_port() -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, 1 + high % 254, low, 3], 90));
    TcpListener::bind(address).expect("root may listen there");
    address
}

#[test]
fn what_root_starts_runs_as_another_user_with_no_right_but_to_a_low_port() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let data = folder.path().join("data");
    let site = low_port().to_string();
    let mut launcher =
        Launcher::run(up(&program(), &data, &["--site", &site, "--tracker", "127.0.0.1:0"]), &data);
    assert!(launcher.serves());
    let uid = owner(&data.join("postgres"));
    assert_ne!(uid, 0);
    for (name, capabilities) in [("tracker", NONE), ("webapi", LOW_PORTS), ("postgres", NONE)] {
        let status = status(&launcher, name);
        assert_eq!(status["Uid"], [uid.to_string().as_str(); 4].join("\t"), "{name}");
        assert_eq!(status["NoNewPrivs"], "1", "{name}");
        for set in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
            assert_eq!(status[set], capabilities, "{set} of {name}");
        }
        assert_eq!(status["Groups"].trim(), "", "{name}");
    }
    for file in ["run/effective.conf.json", "run/zeromq", "tracker"] {
        let metadata = fs::metadata(data.join(file)).expect(file);
        assert_eq!((metadata.uid(), metadata.mode() & 0o077), (uid, 0), "{file}");
    }
    for file in ["fairywren.conf.json", "postgres.json", "lock", "run"] {
        assert_eq!(owner(&data.join(file)), 0, "{file}");
    }
    assert!(launcher.end(Signal::TERM).0.success());
    assert_eq!(owner(&data.join("tracker/swarms.stopped")), uid);
}

#[test]
fn what_an_earlier_start_left_to_root_is_handed_over_and_no_link_is_followed() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let data = folder.path().join("data");
    assert!(Launcher::start(&data).end(Signal::TERM).0.success());
    let uid = owner(&data.join("postgres"));
    let (stopped, victim) = (data.join("tracker/swarms.stopped"), folder.path().join("victim"));
    // As an earlier version left it.
    fs::rename(&stopped, data.join("swarms.stopped")).expect("moved");
    chown(data.join("swarms.stopped"), Some(0), Some(0)).expect("root's");
    // As a start by root, or by another user, left it, who planted what he could.
    chown(data.join("tracker"), Some(0), Some(0)).expect("root's");
    fs::write(data.join("tracker/swarms.running"), "x").expect("a file");
    fs::write(&victim, "precious").expect("a file");
    symlink(&victim, data.join("tracker/link")).expect("a link");
    fs::hard_link(&victim, data.join("tracker/name")).expect("a second name");

    let mut launcher = Launcher::start(&data);
    assert!(launcher.serves());
    assert_eq!(owner(&data.join("tracker")), uid);
    assert!(!data.join("swarms.stopped").exists());
    assert_eq!(owner(&victim), 0, "neither a link nor a second name gives it away");
    assert_eq!(owner(&data.join("tracker/link")), 0);
    let (status, log) = launcher.end(Signal::TERM);
    assert!(status.success() && log.contains("took over the restart file"), "{log}");
    assert_eq!(owner(&stopped), uid);
}

#[test]
fn a_link_in_place_of_the_trackers_folder_is_refused() {
    let folder = folder();
    let data = folder.path().join("data");
    assert!(Launcher::start(&data).end(Signal::TERM).0.success());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(data.join("tracker"), &elsewhere).expect("moved");
    symlink(&elsewhere, data.join("tracker")).expect("a link");
    let (status, said) = refused(up(&program(), &data, &FREE_PORTS));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("data/tracker"), "{said}");
}

#[test]
fn programs_in_a_folder_that_only_root_enters_are_run_all_the_same() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let (data, programs) = (folder.path().join("data"), folder.path().join("programs"));
    fs::create_dir(&programs).expect("a folder");
    fs::set_permissions(&programs, fs::Permissions::from_mode(0o700)).expect("its mode");
    for name in ["fairywren", "tracker", "webapi"] {
        fs::copy(program().with_file_name(name), programs.join(name)).expect("a copy");
    }
    let mut launcher = Launcher::run(up(&programs.join("fairywren"), &data, &FREE_PORTS), &data);
    assert!(launcher.serves());
    assert!(launcher.child("tracker").is_some() && launcher.child("webapi").is_some());
    assert!(launcher.end(Signal::TERM).0.success());
}

#[test]
fn files_that_the_trackers_user_cannot_use_are_named_with_what_to_do() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let (key, closed) = (folder.path().join("key.pem"), folder.path().join("closed"));
    fs::write(&key, "a key").expect("a file");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode");
    fs::create_dir(&closed).expect("a folder");
    let tls = json!({ "tlsListen": ["127.0.0.1:0"], "tlsCertificate": "/etc/passwd", "tlsKey": key });
    let restart = json!({ "restartFile": closed.join("swarms") });
    for (settings, verb, path) in [(tls, "read", &key), (restart, "write in", &closed)] {
        let file = folder.path().join("my.conf.json");
        let value = json!({
            "apiUrl": "http://127.0.0.1:8000",
            "trackerUrl": "http://127.0.0.1:8080",
            "salt": SALT,
            "tracker": settings,
        });
        let data = folder.path().join("data");
        fs::write(&file, value.to_string()).expect("written");
        let mut command = up(&program(), &data, &FREE_PORTS);
        command.arg("--config").arg(&file);
        let (status, said) = refused(command);
        assert_eq!(status, Some(2), "{said}");
        let path = path.display();
        assert!(said.contains(&format!("cannot {verb} {path}: `chown ")), "{said}");
    }
}
