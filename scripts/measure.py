"""Shared by the benchmarks: servers pinned to a core, their CPU time, the load, tables.

Every script that imports this takes `[ROUNDS [SECONDS]]`: how often each server is measured (5), and for how long (5).
"""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release"
EXAMPLES = TARGET / "examples"


def arguments(rounds, seconds):
    """ROUNDS and SECONDS of the command line; an argument that is missing or empty has the default named here."""
    given = [int(it) if it else None for it in sys.argv[1:]] + [None, None]
    return given[0] or rounds, given[1] or seconds


ROUNDS, SECONDS = arguments(5, 5)
PEERS = int(os.environ.get("PEERS", "1000000"))
TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = Path(__file__).parent / "announce.lua"


class Server:
    """A server pinned to core 0, and the file of request targets that it is measured with."""

    def __init__(self, name, command, targets, port=0, cwd=None, helpers=(), sockets=1):
        """Listens on `port`, or prints its addresses on the first `sockets` lines; the last one is measured.

        `helpers` are servers behind it, whose CPU time counts as its own.
        """
        self.name, self.targets, self.helpers, self.readers = name, targets, helpers, []
        self.process = subprocess.Popen(["taskset", "-c", "0", *map(str, command)], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, cwd=cwd)
        self.ports = [port] if port else [self.read_port() for _ in range(sockets)]
        self.port = self.ports[-1]

    def read_port(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} does not start")
        return int(line.rsplit(":", 1)[1])

    def pids(self):
        """The server, its children (nginx has workers) and its helpers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children), *(pid for helper in self.helpers for pid in helper.pids())]

    def cpu(self):
        """Seconds of user time and of system time so far."""
        total = [0.0, 0.0]
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total = [total[0] + int(fields[11]) / TICKS, total[1] + int(fields[12]) / TICKS]
        return total

    def resident_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def begin(self):
        """Measures from now on; a generator that prepares itself first calls it when it is ready."""
        self.before, self.begun = self.cpu(), time.monotonic()

    def measure(self, generate):
        """Announces per CPU second and per second of wall time, and the share of user time.

        `generate` loads the server and returns the number of answers.
        """
        self.begin()
        done = generate(self)
        elapsed = time.monotonic() - self.begun
        user, system = (now - then for now, then in zip(self.cpu(), self.before))
        return done / (user + system), done / elapsed, user / (user + system)

    def stop(self):
        """Stops the server and the readers of its reports."""
        for process in (self.process, *self.readers):
            process.send_signal(signal.SIGTERM)
            process.wait()


def generator(*command, env=None):
    """The output of a load generator, run on core 1."""
    return subprocess.run(["taskset", "-c", "1", *map(str, command)], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **(env or {})}).stdout


def wrk(connections, close):
    """A closed-loop generator: each connection sends its next request when it has its answer."""
    def generate(server):
        command = ["taskset", "-c", "1", "stdbuf", "-oL", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s",
                   "-s", SCRIPT, f"http://127.0.0.1:{server.port}/"]
        env = {**os.environ, "TARGETS": str(server.targets), "CLOSE": "1" if close else "0"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
            # Its first line comes once the script has built all requests, which can take half a minute.
            process.stdout.readline()
            server.begin()
            out = process.stdout.read()
        if process.returncode:
            sys.exit(f"wrk failed:\n{out}")
        if "Non-2xx" in out:
            sys.exit(f"{server.name} refused requests:\n{out}")
        return int(re.search(r"(\d+) requests in", out)[1])
    return generate


class Load:
    """Members, torrents and peers; `shape` holds options of the example `announce_load`."""

    def __init__(self, folder, config, *shape, peers=PEERS):
        self.folder, self.config, self.shape, self.peers = folder, config, shape, peers

    def step(self, config, *arguments, out=None):
        named = ["--config", config] if config else []
        command = [EXAMPLES / "announce_load", "--peers", self.peers, *self.shape, *named, *arguments]
        subprocess.run([*map(str, command)], check=True, stdout=out)

    def fill(self):
        self.step(self.config, "fill")

    def targets(self, name, keyed=True):
        path = self.folder / name
        with open(path, "w") as out:
            self.step(self.config if keyed else None, "targets", 200_000, out=out)
        return path

    def drain(self, server):
        """Starts a reader of the server's reports on core 1, in place of a webapi: else they would pile up."""
        command = ["taskset", "-c", "1", EXAMPLES / "announce_load", "--config", self.config, "drain"]
        server.readers.append(subprocess.Popen([*map(str, command)]))

    def put(self, server, keyed=True):
        """Announces every peer once over HTTP and prints how much memory the server has gained."""
        before = server.resident_mib()
        if keyed:
            self.drain(server)
        self.step(*([self.config, "load"] if keyed else [None, "load", "--close"]), f"127.0.0.1:{server.ports[0]}")
        time.sleep(3)  # until the reports of all peers have been read
        grown = (server.resident_mib() - before) * 2**20 / self.peers
        print(f"{server.name}: {server.resident_mib():.0f} MiB resident, {grown:.1f} bytes a peer", flush=True)


def configuration(folder, database=None, **tracker):
    """Our tracker's, on the throw-away Postgres that FAIRYWREN_TEST_DATABASE names, migrated. `database` is a new one there."""
    server = json.loads(os.environ["FAIRYWREN_TEST_DATABASE"])
    if database:
        subprocess.run(["createdb", "-h", server["host"], "-p", str(server["port"]), "-U", server["user"], database],
                       check=True, env={**os.environ, "PGPASSWORD": server["password"]})
        server["dbname"] = database
    login = {name: {**server, "user": name, "password": "bench"} for name in ("webapi", "tracker")}
    config = {
        "trackerUrl": "https://tracker.example.org",
        "apiUrl": "https://fairywren.example.org",
        "salt": "only for the benchmark " * 2,
        "trustedProxies": ["127.0.0.1/32"] if tracker.pop("proxied", False) else [],
        "zeromq": {name: f"ipc://{folder}/{name}" for name in ("counts", "control")},
        "migrate": {"postgresql": server},
        "webapi": {"postgresql": login["webapi"]},
        # Some thousand members announce for all peers here.
        "tracker": {
            "postgresql": login["tracker"], "listen": ["127.0.0.1:0"], "restartFile": f"{folder}/swarms",
            "announcesPerMinute": 10**9, "announceBurst": 10**9, "peersPerMember": 100, **tracker},
    }
    path = folder / "bench.conf.json"
    path.write_text(json.dumps(config))
    subprocess.run([TARGET / "webapi", "migrate", path], check=True, stdout=sys.stderr)
    return path


def opentracker(load, port=16969, protocol="tcp"):
    """Debian's opentracker. It serves only info hashes of a list, and started by root it sees only its own folder."""
    folder = load.folder
    folder.chmod(0o755)
    with open(folder / "whitelist", "w") as out:
        load.step(None, "hashes", out=out)
    (folder / "opentracker.conf").write_text(
        f"access.whitelist whitelist\ntracker.rootdir {folder}\nlisten.{protocol} 127.0.0.1:{port}\n")
    server = Server("opentracker", ["opentracker", "-f", folder / "opentracker.conf"],
                    load.targets("plain", keyed=False), port, folder)
    time.sleep(1)  # it prints nothing when it listens
    return server


def folder():
    return Path(tempfile.mkdtemp(prefix="fairywren-bench-"))


def contest(title, servers, generate, bases):
    """Measures the servers in turn and prints a table, with the ratio of the first one to each of `bases`.

    Returns the announces per second of wall time of the first server.
    """
    runs = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            runs[server.name].append(server.measure(generate))
    print(f"\n| {title} | announces per CPU second | min | max | announces per second | share in user mode |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, values in runs.items():
        rates = [value[0] for value in values]
        middle = [statistics.median(column) for column in zip(*values)]
        print(f"| {name} | {middle[0]:,.0f} | {min(rates):,.0f} | {max(rates):,.0f} | {middle[1]:,.0f} "
              f"| {middle[2]:.2f} |")
    ours = servers[0].name
    for base in bases:
        ratio = statistics.median(a[0] / b[0] for a, b in zip(runs[ours], runs[base]))
        print(f"| **{ours} / {base}** | **{ratio:.2f}** | | | | |")
    sys.stdout.flush()
    return statistics.median(value[1] for value in runs[ours])
