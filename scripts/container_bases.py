"""Base images for compose-check: Debian's and Rust's, or made of this machine's packages if no registry is reached."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from container_engine import ROOT, WORK

IMAGES = dict(re.findall(r"^ARG (DEBIAN|RUST)=(\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE))
PACKAGES = {"DEBIAN": ("postgresql", "rtorrent"), "RUST": ("--rust", "gcc", "libc6-dev")}
PROGRAMS = ("tracker", "webapi", "adduser", "swarm")
# Inside the build context.
PREBUILT = ROOT / "target/prebuilt-check"
# Environment variables by which cargo finds its registry, without tokens and without values that need quotes. Only the image of
# the compiler gets them.
TOLD = re.compile(r"((https?|all|no)_proxy|CARGO_(HTTP|NET|REGISTRIES|REGISTRY|SOURCE)_(?!\S*(TOKEN|CAINFO))\w+)"
                  r"=[^\s\"'\\$]+", re.IGNORECASE)


def make(engine, name):
    """Makes a base image of this machine's packages and programs."""
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
    """Has the programs copied into the images instead of built there."""
    PREBUILT.mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy2(Path(folder) / program, PREBUILT)
    os.environ.update(PROGRAMS="prebuilt", PREBUILT=str(PREBUILT.relative_to(ROOT)))


def remove():
    shutil.rmtree(PREBUILT, ignore_errors=True)
