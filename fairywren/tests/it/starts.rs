//! First and later starts, stops, and the users and servers they run with.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use infra::testing::{SALT, TestDatabase};
use rustix::process::{Signal, geteuid};
use serde_json::{Value, json};

use crate::launcher::{FREE_PORTS, Launcher, folder, processes_of, program, up};

const NOBODY: u32 = 65534;

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_mins(5)).build().expect("a client")
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).expect("the file")).expect("JSON")
}

#[test]
fn the_first_start_prints_four_lines_and_writes_a_guarded_configuration() {
    let folder = folder();
    let data = folder.path().join("new/data");
    let mut launcher = Launcher::start(&data);
    assert_eq!(launcher.kinds(), ["site", "tracker", "first account"]);
    let site = launcher.url("site").to_owned();
    assert!(launcher.url("first account").starts_with(&format!("{site}/invites/")), "{:?}", launcher.lines);
    assert!(launcher.serves());
    for file in ["fairywren.conf.json", "postgres.json", "run/effective.conf.json"] {
        assert_eq!(fs::metadata(data.join(file)).expect("the file").mode() & 0o777, 0o600, "{file}");
    }
    for open in ["run/zeromq", "run/postgres", "postgres"] {
        assert_eq!(fs::metadata(data.join(open)).expect("the folder").mode() & 0o777, 0o700, "{open}");
    }
    let salt = read(&data.join("fairywren.conf.json"))["salt"].as_str().expect("a salt").to_owned();
    assert!(salt.len() >= 43, "32 random bytes");
    let (status, log) = launcher.end(Signal::TERM);
    assert!(status.success(), "{log}");
    assert!(!log.contains(&salt), "the salt is in the log");
}

#[test]
fn a_stop_leaves_no_process_and_no_socket() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder();
        let mut launcher = Launcher::start(folder.path());
        let (status, log) = launcher.end(signal);
        assert!(status.success(), "{log}");
        assert!(!log.contains("is killed"), "all stopped in time: {log}");
        assert_eq!(processes_of(folder.path()), [""; 0]);
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("the folder")
            .map(|it| it.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        left.sort();
        assert_eq!(left, ["fairywren.conf.json", "lock", "postgres", "postgres.json", "tracker"]);
        assert!(!folder.path().join("postgres/postmaster.pid").exists());
        assert!(folder.path().join("tracker/swarms.stopped").exists());
    }
}

#[tokio::test]
async fn a_later_start_goes_on_with_the_data_and_prints_no_link_once_there_is_an_account() {
    let folder = folder();
    let mut launcher = Launcher::start(folder.path());
    let link = launcher.url("first account").to_owned();
    assert!(launcher.end(Signal::TERM).0.success());

    let mut launcher = Launcher::start(folder.path());
    assert_eq!(launcher.kinds(), ["site", "tracker", "first account"], "still without an account");
    let secret = link.rsplit('/').next().expect("the secret");
    let claim = format!("{}/api/invites/{secret}", launcher.url("site"));
    let account = json!({"username": "wren", "password": "a fine long password"});
    let answer = client().post(claim).json(&account).send().await.expect("an answer");
    assert_eq!(answer.status(), 201, "the link of the first start is good");
    assert!(launcher.end(Signal::TERM).0.success());

    let launcher = Launcher::start(folder.path());
    assert_eq!(launcher.kinds(), ["site", "tracker"]);
    let answer = client()
        .post(format!("{}/api/session", launcher.url("site")))
        .json(&account)
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success(), "the account is still there: {}", answer.status());
}

#[test]
fn an_ordinary_user_needs_no_root() {
    let folder = folder();
    let (data, programs) = (folder.path().join("data"), folder.path().join("programs"));
    fs::create_dir(&data).expect("a folder");
    fs::create_dir(&programs).expect("a folder");
    let mut command = up(&program(), &data, &FREE_PORTS);
    if geteuid().is_root() {
        // The build folder may be closed to others.
        for name in ["fairywren", "tracker", "webapi"] {
            fs::copy(program().with_file_name(name), programs.join(name)).expect("a copy");
        }
        chown(&data, Some(NOBODY), Some(NOBODY)).expect("nobody's");
        command = Command::new("setpriv");
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .arg("--clear-groups")
            .arg("--");
        let inner = up(&programs.join("fairywren"), &data, &FREE_PORTS);
        command.arg(inner.get_program()).args(inner.get_args()).current_dir("/");
    }
    let mut launcher = Launcher::run(command, &data);
    assert!(launcher.serves());
    let owner = |it: &str| fs::metadata(data.join(it)).expect("made").uid();
    assert_eq!(owner("fairywren.conf.json"), owner("postgres"));
    assert_ne!(owner("postgres"), 0);
    assert!(launcher.end(Signal::TERM).0.success());
}

/// The configuration that versions before this one wrote: every key, with the sockets of the `run` folder.
fn write_complete(data: &Path) -> PathBuf {
    let run = data.join("run").display().to_string();
    let text = include_str!("complete.conf.json").replace("{RUN}", &run);
    let file = data.join("fairywren.conf.json");
    fs::create_dir_all(data).expect("a folder");
    fs::write(&file, text).expect("written");
    file
}

#[test]
fn a_complete_configuration_of_an_earlier_version_is_used_and_left_alone() {
    let folder = folder();
    let file = write_complete(folder.path());
    let before = fs::read_to_string(&file).expect("the file");
    for _ in 0..2 {
        let mut launcher = Launcher::start(folder.path());
        assert!(launcher.serves());
        let effective = read(&folder.path().join("run/effective.conf.json"));
        assert_eq!(effective["webapi"]["postgresql"]["password"], "only for tests, of webapi");
        assert_eq!(effective["salt"], read(&file)["salt"]);
        assert!(launcher.end(Signal::TERM).0.success());
    }
    assert_eq!(fs::read_to_string(&file).expect("the file"), before);
}

#[test]
fn sockets_in_a_configuration_follow_a_moved_folder() {
    let folder = folder();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    write_complete(&old);
    assert!(Launcher::start(&old).end(Signal::TERM).0.success());
    fs::rename(&old, &new).expect("moved");
    let mut launcher = Launcher::start(&new);
    let (status, log) = launcher.end(Signal::TERM);
    assert!(status.success() && log.contains("the data folder was moved"), "{log}");
    let file = new.join("fairywren.conf.json");
    let text = fs::read_to_string(&file).expect("the file");
    assert!(
        text.contains(new.to_str().expect("UTF-8")) && !text.contains(old.to_str().expect("UTF-8")),
        "{text}"
    );
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_first_configuration_needs_no_change_after_a_move() {
    let folder = folder();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    assert!(Launcher::start(&old).end(Signal::TERM).0.success());
    let before = fs::read_to_string(old.join("fairywren.conf.json")).expect("the file");
    fs::rename(&old, &new).expect("moved");
    let mut launcher = Launcher::start(&new);
    assert!(launcher.serves());
    assert!(launcher.end(Signal::TERM).0.success());
    assert_eq!(fs::read_to_string(new.join("fairywren.conf.json")).expect("the file"), before);
}

#[test]
fn a_folder_too_deep_for_the_name_of_a_socket_works() {
    let folder = folder();
    let data = folder.path().join("deep".repeat(30));
    let mut launcher = Launcher::start(&data);
    let run = read(&data.join("postgres.json"))["run"].as_str().expect("a folder").to_owned();
    assert!(!run.starts_with(data.to_str().expect("UTF-8")), "{run}");
    assert!(Path::new(&run).join("postgres").is_dir(), "{run}");
    let (status, log) = launcher.end(Signal::TERM);
    assert!(status.success(), "{log}");
    assert!(!Path::new(&run).exists());
}

#[tokio::test]
async fn a_configured_server_is_used_and_none_is_started() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let folder = folder();
    let data = folder.path().join("data");
    let file = folder.path().join("my.conf.json");
    let socket = |name: &str| format!("ipc://{}/{name}", folder.path().display());
    let value = json!({
        "apiUrl": "https://fairywren.example.org",
        "trackerUrl": "https://tracker.example.org",
        "salt": SALT,
        "zeromq": { "counts": socket("counts"), "control": socket("control") },
        "migrate": { "postgresql": database.owner },
        "webapi": { "postgresql": database.login("webapi") },
        "tracker": { "postgresql": database.login("tracker"), "restartFile": "swarms" },
    });
    fs::write(&file, value.to_string()).expect("written");
    // The account that tracker and site run as writes its files beside the configuration.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("its mode");
    let mut command = up(&program(), &data, &FREE_PORTS);
    command.arg("--config").arg(&file);
    let mut launcher = Launcher::run(command, &data);
    assert_eq!(launcher.child("postgres"), None);
    assert!(launcher.child("tracker").is_some() && launcher.child("webapi").is_some());
    assert_eq!(launcher.url("site"), "https://fairywren.example.org", "the configured URL, not the address");
    assert!(!data.join("postgres").exists() && !data.join("fairywren.conf.json").exists());
    assert!(launcher.end(Signal::TERM).0.success());
    drop(launcher);
    database.drop_now().await.expect("dropped");
}

#[test]
fn a_configuration_without_a_server_gets_the_embedded_one() {
    let folder = folder();
    let data = folder.path().join("data");
    let file = folder.path().join("my.conf.json");
    let value =
        json!({ "apiUrl": "http://127.0.0.1:8000", "trackerUrl": "http://127.0.0.1:8080", "salt": SALT });
    fs::write(&file, value.to_string()).expect("written");
    for _ in 0..2 {
        let mut command = up(&program(), &data, &FREE_PORTS);
        command.arg("--config").arg(&file);
        let mut launcher = Launcher::run(command, &data);
        assert!(launcher.child("postgres").is_some());
        assert!(launcher.end(Signal::TERM).0.success());
    }
}
