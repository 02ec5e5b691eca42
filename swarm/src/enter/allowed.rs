//! Whether the system allows namespaces, and how to have it allow them.

use std::fs;
use std::io::ErrorKind;
use std::process::Stdio;

use infra::refusal::Refusal;
use rustix::process::geteuid;
use tokio::process::Command;

/// Arguments of unshare(1) for all users: namespaces of network, processes and shared memory, of which a PostgreSQL server
/// that was killed leaves some. The process in them is sent SIGTERM when unshare ends.
const ALL: [&str; 5] = ["--fork", "--ipc", "--kill-child=TERM", "--net", "--pid"];

/// Further arguments for ordinary users, who keep their user id: PostgreSQL refuses to run as root, even of a namespace.
const USER: [&str; 3] = ["--user", "--map-current-user", "--keep-caps"];

/// A trial of what is done in the namespaces.
const TRIAL: &str = "ip link set lo up && ip link add br0 type bridge && ip link add v1 type veth peer name v2 \
                     && exec unshare --net true";

/// The command that makes the namespaces, after a successful trial.
pub(super) fn unshare() -> Result<Command, Refusal> {
    let is_root = geteuid().is_root();
    let arguments = arguments(is_root);
    for (program, package) in [("ip", "iproute2"), ("setpriv", "util-linux"), ("unshare", "util-linux")] {
        let status = std::process::Command::new(program)
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if status.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(Refusal(format!(
                "the program `{program}` is missing: install the package {package}"
            )));
        }
    }
    let trial = std::process::Command::new("unshare")
        .args(&arguments)
        .args(["--", "sh", "-c", TRIAL])
        .stdin(Stdio::null())
        .output();
    match trial {
        Ok(output) if output.status.success() => {
            let mut command = Command::new("unshare");
            command.args(&arguments);
            Ok(command)
        }
        Ok(output) => Err(Refusal(explain(&String::from_utf8_lossy(&output.stderr), is_root, &setting))),
        Err(error) => Err(Refusal(format!("cannot run `unshare`: {error}"))),
    }
}

/// The arguments of unshare(1).
pub(super) fn arguments(is_root: bool) -> Vec<&'static str> {
    if is_root { ALL.to_vec() } else { [&ALL[..], &USER[..]].concat() }
}

/// The kernel setting `name` below /proc/sys.
fn setting(name: &str) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().to_owned())
}

/// Explains the message `said` of a failed trial. `setting` reads kernel settings.
fn explain(said: &str, is_root: bool, setting: &dyn Fn(&str) -> Option<String>) -> String {
    let is = |name: &str, value: &str| setting(name).as_deref() == Some(value);
    let remedy = if said.contains("Unknown device type") || said.contains("Operation not supported") {
        "the kernel has no bridges or veth pairs: load its modules, `modprobe -a bridge veth` as root"
    } else if !["not permitted", "denied", "No space left"].iter().any(|refused| said.contains(refused)) {
        "a trial of what it does failed"
    } else if is_root {
        "root may not make them here: in a container, start it with --cap-add SYS_ADMIN,NET_ADMIN and \
         --security-opt seccomp=unconfined, or with --privileged"
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "`sysctl kernel.unprivileged_userns_clone=1` as root allows it to everybody; or run this as root"
    } else if is("user/max_user_namespaces", "0") || is("user/max_net_namespaces", "0") {
        "`sysctl user.max_user_namespaces=10000 user.max_net_namespaces=10000` as root allows it; or run this as root"
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` as root allows it to everybody; or run this as root"
    } else {
        "ordinary users may not make them here: run this as root"
    };
    let said = said.lines().next().unwrap_or_default();
    format!("the swarm needs network namespaces of its own; {remedy} ({said})")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "unshare: unshare failed: Operation not permitted\n";

    #[test]
    fn the_setting_that_forbids_namespaces_is_named() {
        for (name, value) in [
            ("kernel/unprivileged_userns_clone", "0"),
            ("user/max_user_namespaces", "0"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ] {
            let text = explain(REFUSED, false, &|asked| (asked == name).then(|| value.to_owned()));
            assert!(text.contains(&name.replace('/', ".")), "{text}");
            assert!(text.contains("as root") && text.contains("not permitted"), "{text}");
        }
        assert!(explain(REFUSED, false, &|_| None).contains("run this as root"));
    }

    #[test]
    fn root_is_told_of_containers_and_everybody_of_modules() {
        assert!(explain(REFUSED, true, &|_| None).contains("--cap-add"));
        assert!(explain("Error: Unknown device type.\n", true, &|_| None).contains("modprobe"));
        let other = explain("unshare: failed to execute true: No such file or directory\n", true, &|_| None);
        assert!(other.contains("failed to execute true") && !other.contains("--cap-add"), "{other}");
    }
}
