"""Podman and docker for compose-check, with images, volumes, networks and settings of their own in WORK."""
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
WORK = TARGET / "compose-check"
PROJECT = "fairywren-check"
IS_ROOT = os.getuid() == 0


def run(*command, told="", timeout=60, shown=4000):
    """The output of a command. If it fails, the last `shown` characters are printed."""
    done = subprocess.run([str(it) for it in command], cwd=ROOT, timeout=timeout, text=True, input=told,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        print((done.stdout + done.stderr)[-shown:] if shown else "", file=sys.stderr, end="")
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


class Engine:
    """The engine's command line, and what podman and docker have in common."""
    name = ""
    compose_command = []
    # Folders that the engine writes to whatever its settings say: they are covered by empty file systems.
    elsewhere = ()
    cgroup = PROJECT

    def __call__(self, *arguments, **options):
        return run(self.name, *arguments, **options)

    def compose(self, *arguments, **options):
        named = ("--project-name", PROJECT, "--profile", "demo", *arguments)
        return run(*self.compose_command, *named, **{"timeout": 300} | options)

    def pull(self, image):
        """Whether a registry has served the image."""
        try:
            self("pull", "--quiet", image, timeout=300, shown=0)
            return True
        except (subprocess.SubprocessError, OSError):
            return False

    def configure(self):
        """Writes the settings that environment() points to."""
        for folder in ("config", "data", "run", "tmp"):
            (WORK / folder).mkdir(mode=0o700, parents=True)

    def environment(self):
        os.environ.update(TMPDIR=str(WORK / "tmp"), SOURCES=str(WORK / "sources"))

    @contextlib.contextmanager
    def running(self, with_networks):  # pylint: disable=unused-argument
        """A context in which the engine can be used."""
        yield

    def remove(self):
        """Removes WORK and empty control groups that a killed engine left."""
        shutil.rmtree(WORK, ignore_errors=True)
        for folder in Path("/sys/fs/cgroup").glob(f"**/{self.cgroup}"):
            subprocess.run(["find", folder, "-depth", "-type", "d", "-delete"], capture_output=True, check=False)


class Podman(Engine):
    """podman-compose, with or without root."""
    name = "podman"
    compose_command = [TARGET / "compose-venv/bin/podman-compose"]
    # Locks and names of networks, which other podmans would see.
    elsewhere = ("/dev/shm", "/run/netns")
    cgroup = "libpod_parent"

    def missing(self):
        for program in ("podman", *self.compose_command):
            if not shutil.which(program):
                yield f"{program} is missing; run `make compose-check`"

    def configure(self):
        """Uses limits that this user may set, and no systemd."""
        super().configure()
        folder = WORK / "config/containers"
        folder.mkdir()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1] % (1 << 63), 32768)
        storage = '[storage]\ndriver = "overlay"\n'
        containers = (f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
                      'log_driver = "k8s-file"\n[network]\nnetwork_backend = "netavark"\n')
        engine = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        if IS_ROOT:
            storage += f'runroot = "{WORK}/run"\ngraphroot = "{WORK}/data"\n'
            containers += f'network_config_dir = "{WORK}/networks"\n'
            engine += f'tmp_dir = "{WORK}/run"\n'
        (folder / "storage.conf").write_text(storage)
        (folder / "containers.conf").write_text(containers + engine)

    def environment(self):
        super().environment()
        config = WORK / "config"
        own = {"CONTAINERS_STORAGE_CONF": config / "containers/storage.conf",
               "CONTAINERS_CONF": config / "containers/containers.conf"}
        if not IS_ROOT:
            # Without root, podman ignores the paths of storage.conf.
            own = {"XDG_CONFIG_HOME": config, "XDG_DATA_HOME": WORK / "data", "XDG_RUNTIME_DIR": WORK / "run"}
        os.environ.update({name: str(path) for name, path in own.items()})

    def build(self):
        run(*self.compose_command, "--podman-build-args=--network=host", "--profile", "demo", "build", timeout=3600,
            shown=200_000)

    def is_healthy(self, container):
        # There need be no systemd that asks now and then.
        return self("healthcheck", "run", container, shown=0) == ""

    def remove(self):
        if WORK.exists() and not IS_ROOT:
            self.environment()
            rest = ["podman", "rm", "--all", "--force", "--time", "0"]
            subprocess.run(rest, capture_output=True, timeout=120, check=False)
            empty = 'umount "$0/containers/storage/overlay" 2>/dev/null; rm -rf "$0"'
            subprocess.run(["podman", "unshare", "sh", "-c", empty, WORK / "data"], timeout=120, check=False)
            for pause in (WORK / "run").glob("libpod/tmp/pause.pid"):
                os.kill(int(pause.read_text()), signal.SIGTERM)
        super().remove()


class Docker(Engine):
    """A dockerd of its own, with docker-compose 1.29 or the plugin of version 2."""
    name = "docker"
    elsewhere = ("/etc/docker", "/run/docker", "/run/containerd", "/run/netns")
    socket = f"unix://{WORK}/run/docker.sock"

    def __init__(self):
        plugin = subprocess.run(["sh", "-c", "docker compose version"], capture_output=True, check=False)
        self.compose_command = ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]

    def missing(self):
        if not IS_ROOT:
            yield "dockerd is started for this, which only root can do; podman needs no root"
        for program in ("docker", "dockerd", "containerd", "runc", "iptables", self.compose_command[0]):
            if not shutil.which(program):
                yield f"{program} is missing; Debian has it in docker.io, docker-compose or iptables"

    def configure(self):
        super().configure()
        # podman-compose has an option for it.
        services = "".join(f"  {it}: {{build: {{network: host}}}}\n"
                           for it in ("database", "webapi", "tracker", "creator", "seeder"))
        (WORK / "config/build.yaml").write_text(f"services:\n{services}")
        # The client's settings are ours, so the compose plugin must be linked into them.
        usual = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
        (WORK / "config/cli-plugins").symlink_to(Path(usual, "cli-plugins").absolute())

    def environment(self):
        super().environment()
        for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            os.environ.pop(name, None)
        os.environ.update(DOCKER_HOST=self.socket, DOCKER_CONFIG=str(WORK / "config"), DOCKER_BUILDKIT="1",
                          COMPOSE_DOCKER_CLI_BUILD="1", BUILDX_BUILDER="default", BUILDKIT_PROGRESS="plain",
                          # Version 2 would name containers with hyphens.
                          COMPOSE_COMPATIBILITY="true")

    @contextlib.contextmanager
    def running(self, with_networks):
        command = ["dockerd", f"--host={self.socket}", f"--data-root={WORK}/data", f"--exec-root={WORK}/run",
                   f"--pidfile={WORK}/run/docker.pid", f"--cgroup-parent={self.cgroup}",
                   "--exec-opt=native.cgroupdriver=cgroupfs"]
        if not with_networks:
            command += ["--bridge=none", "--iptables=false"]
        log = WORK / "dockerd.log"
        with open(log, "wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as daemon:
            try:
                self.await_answer(daemon, log)
                yield
            finally:
                daemon.terminate()
                daemon.wait(60)

    def await_answer(self, daemon, log):
        end = time.monotonic() + 60
        while subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
            if daemon.poll() is not None or time.monotonic() > end:
                raise OSError(f"dockerd does not run:\n{log.read_text()[-2000:]}")
            time.sleep(0.5)

    def build(self):
        run(*self.compose_command, "--file", ROOT / "compose.yaml", "--file", WORK / "config/build.yaml",
            "--profile", "demo", "build", timeout=3600, shown=200_000)

    def is_healthy(self, container):
        return self("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy\n"


ENGINES = {it.name: it for it in (Podman, Docker)}
