"""What has to be there before anything is measured: programs on this machine, and what is built below target/."""

import filecmp
import shutil
import subprocess
from pathlib import Path

from driver import servers
from driver.machine import ROOT, WORK

# Debian's packages, where their names are not those of the programs.
_PACKAGES = {"node": "nodejs", "perf": "linux-perf"}


def install(*programs: str) -> None:
    """Installs the programs that are missing."""
    missing = [_PACKAGES.get(program, program) for program in programs if shutil.which(program) is None]
    if missing:
        _run(ROOT, "apt-get", "update")
        _run(ROOT, "apt-get", "install", "--yes", "--no-install-recommends", *missing)


def accord(root: Path = ROOT) -> None:
    """Builds the host and the components of the tree in `root`, unless there is a host that is built already."""
    if servers.PROGRAM:
        return
    if shutil.which("cargo") is None:
        raise SystemExit("Rust is missing: https://rustup.rs")
    _cargo(root, "accord")
    _run(root, root / "target/release/accord", "build")


def twin() -> None:
    """Builds the native twin, apart from the host: together they would have the sum of what both want of others."""
    _cargo(ROOT, "accord-twin")


def empty() -> None:
    """Builds the empty component."""
    _run(ROOT, servers.program(), "build", "--from", "bench/empty")


def better_auth() -> None:
    """Installs better-auth, and copies what serves it to where it is installed."""
    install("node", "npm")
    sources, home = ROOT / "bench/peers/better-auth", WORK / "better-auth"
    home.mkdir(parents=True, exist_ok=True)
    for file in sources.glob("*.mjs"):
        shutil.copy(file, home)
    installed = home / "node_modules/.installed"
    if not installed.exists() or not filecmp.cmp(sources / "package-lock.json", installed, shallow=False):
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(sources / name, home)
        _run(home, "npm", "ci", "--silent")
        shutil.copy(home / "package-lock.json", installed)


def _cargo(root: Path, package: str) -> None:
    _run(root, "cargo", "build", "--locked", "--release", "-p", package)


def _run(directory: Path, *command: str | Path) -> None:
    if subprocess.run(command, cwd=directory, check=False).returncode != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
