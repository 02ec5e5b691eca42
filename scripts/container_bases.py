"""What images are made from: Debian's and Rust's, or without a registry what this machine has of both."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from container_engine import ROOT, WORK

IMAGES = dict(re.findall(r"^ARG (DEBIAN|RUST)=(\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE))
PACKAGES = {"DEBIAN": ("postgresql", "rtorrent"), "RUST": ("--rust", "gcc", "libc6-dev")}
PROGRAMS = ("tracker", "webapi", "adduser", "swarm")
# Where the build can see it.
PREBUILT = ROOT / "target/prebuilt-check"
# By which cargo finds its registry; no image but that of the compiler is told, and nothing that needs quotes.
TOLD = re.compile(r"((https?|all|no)_proxy|CARGO_(HTTP|NET|REGISTRIES|REGISTRY|SOURCE)_(?!\S*(TOKEN|CAINFO))\w+)"
                  r"=[^\s\"'\\$]+", re.IGNORECASE)


def make(engine, name):
    """Makes the image of this machine's own packages and programs."""
    tar = WORK / "base.tar"
    with open(tar, "wb") as file:
        subprocess.run([ROOT / "scripts/host-base", *PACKAGES[name]], stdout=file, check=True, timeout=300)
    settings = []
    if name == "RUST":
        told = filter(TOLD.fullmatch, (f"{it}={value}" for it, value in os.environ.items()))
        settings = [f"--change=ENV {it}" for it in (*told, "CARGO_HOME=/usr/local/cargo")]
    image = f"localhost/host-{name.lower()}"
    engine("import", *settings, tar, image, timeout=600)
    tar.unlink()
    os.environ[name] = image


def choose(engine, name, say):
    if not engine.pull(IMAGES[name]):
        make(engine, name)
        what = "packages" if name == "DEBIAN" else "packages and Rust"
        say(f"no image registry gives {IMAGES[name]}: made of this machine's own {what}")


def copy_programs(folder):
    """Has them copied into the images, not built."""
    PREBUILT.mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy2(Path(folder) / program, PREBUILT)
    os.environ.update(PROGRAMS="prebuilt", PREBUILT=str(PREBUILT.relative_to(ROOT)))


def remove():
    shutil.rmtree(PREBUILT, ignore_errors=True)
