"""What the bench runs on, and what a process takes of it."""

import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
WORK = TARGET / "bench"

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its descendants have taken."""

    def of(pid: int) -> int:
        # What follows the name, which may have spaces: the state is field 3, utime 14, stime 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    return sum(of(one) for one in tree(pid)) / _TICK


def resident(pid: int) -> float:
    """Resident memory of a process and its descendants, in megabytes."""

    def of(pid: int) -> int:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1])

    return sum(of(one) for one in tree(pid)) * 1024 / 1e6


def said(*command: str) -> str:
    """The first line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def version(root: Path) -> str:
    """The version of the Accord whose tree is in `root`."""
    return tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def description() -> list[tuple[str, str]]:
    """The machine and the versions of what is measured."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)[1])
    lock = (ROOT / "Cargo.lock").read_text()
    peers = (ROOT / "bench/peers/better-auth/package-lock.json").read_text()
    python = dict(line.split("==") for line in (ROOT / "bench/requirements.txt").read_text().split())

    def crate(name: str) -> str:
        return f"{name} " + re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock)[1]

    def package(name: str) -> str:
        return f"{name} " + re.search(rf'"node_modules/{name}": {{\s+"version": "([^"]+)"', peers)[1]

    return [
        ("processor", f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} threads"),
        ("memory", f"{memory * 1024 / 1e9:.1f} GB"),
        ("system", f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"),
        ("Accord", said("git", "describe", "--always", "--dirty")),
        ("Rust", said("rustc", "--version")),
        ("crates", ", ".join(crate(name) for name in ("wasmtime", "rusqlite", "axum", "spin-sdk", "hyper"))),
        ("Python", f"{platform.python_version()}, " + ", ".join(
            f"{name} {python[name]}" for name in ("fastapi", "SQLAlchemy", "uvicorn", "uvloop", "PyJWT"))),
        ("Node", f"{said('node', '--version')}, {package('better-auth')}, {package('better-sqlite3')}"),
        ("load", said("wrk", "--version").partition(" Copyright")[0]),
    ]


def write(path: Path, text: str) -> None:
    """Writes a file, and makes the directories that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
