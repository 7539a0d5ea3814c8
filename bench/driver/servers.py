"""The servers that are measured: started, stopped, and looked at."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import tomllib
from pathlib import Path

from driver import machine
from driver.machine import ROOT, TARGET, WORK

CLIENT_ID = "bench"
CLIENT_SECRET = "the-secret-of-the-bench-0123456789abcdef"
ADMIN = "admin@example.com"
PASSWORD = "correct horse battery staple"

# Requests after which an instance of the host ends: the host's default of `max_requests_per_instance`.
INSTANCE_REQUESTS = 1024

# A host that is built already, in place of the release build of the tree.
PROGRAM: Path | None = None

# What runs Accord: its own host, or Spin where that is on the PATH. Both run the same components on the same kind of store.
RUNTIMES = ("accord", "spin")
runtime = "accord"

# Processes of a server that has no threads: one for each processor.
WORKERS = os.cpu_count() or 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """A process that listens."""

    def __init__(self, name: str, command, environment: dict[str, str] | None = None, cwd: Path = ROOT):
        """`command` makes the arguments from a port."""
        self.name = name
        self.port = free_port()
        self.started = 0.0
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._cwd = cwd
        self._process: subprocess.Popen | None = None

    def start(self) -> "Server":
        """Starts the process and waits until it accepts connections."""
        self.started = time.perf_counter()
        with (WORK / "servers.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(self.port), env=self._environment, cwd=self._cwd, stdout=log, stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except ConnectionError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{self.name} does not start: see {WORK / 'servers.log'}") from None
                time.sleep(0.0005)

    def stop(self) -> None:
        """Stops the process and what it started."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.pid)

    def resident(self) -> float:
        return machine.resident(self.pid)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def settle(self) -> None:
        """Waits until the server has nothing to do: a client that went away cancels nothing."""
        deadline = time.monotonic() + 60
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.05)
            now = self.cpu_seconds()
            if now - before <= 0.01:
                return
            before = now


def program(root: Path = ROOT) -> Path:
    """The embedded host of the tree in `root`."""
    return PROGRAM or root / "target/release/accord"


def _up(manifest: Path, state: Path, instances: int, root: Path = ROOT, more: tuple[str, ...] = ()):
    return lambda port: [
        str(program(root)), "up", "--no-build", "--quiet", "--from", str(manifest),
        "--listen", f"127.0.0.1:{port}", "--state-dir", str(state), "--max-instances", str(instances), *more,
    ]


def _up_on_spin(manifest: Path, state: Path, variables: dict[str, str]):
    """Spin as docs/operate.md has it: an instance serves as many requests as in the embedded host."""
    said = [part for name, value in variables.items() for part in ("--variable", f"{name}={value}")]
    return lambda port: [
        "spin", "up", "--quiet", "--from", str(manifest), "--listen", f"127.0.0.1:{port}", "--state-dir", str(state),
        "--max-instance-reuse-count", str(INSTANCE_REQUESTS), "--idle-instance-timeout", "10s", *said,
    ]


class Accord(Server):
    """Accord on its embedded host, both of the tree in `root`, or on Spin if that is the runtime, with data in `state`, and
    further arguments of the embedded host if there are any."""

    # The host's default. Each component has an equal share.
    INSTANCES = 64

    def __init__(
        self, state: Path, name: str = "Accord", root: Path = ROOT, manifest: Path | None = None, more: tuple[str, ...] = (),
    ):
        variables = {
            # What tokens are issued by, wherever it listens: who reads them beside Accord knows no port.
            "public_url": "http://127.0.0.1:3000",
            "admin_email": ADMIN,
            "admin_password": PASSWORD,
            "bootstrap_client_id": CLIENT_ID,
            "bootstrap_client_secret": CLIENT_SECRET,
            # Wrong passwords are sent on purpose.
            "failed_sign_in_limit": "1000000",
        }
        manifest = manifest or root / "spin.toml"
        if runtime == "spin":
            super().__init__(name, _up_on_spin(manifest, state, variables))
        else:
            environment = {f"SPIN_VARIABLE_{name.upper()}": value for name, value in variables.items()}
            super().__init__(name, _up(manifest, state, self.INSTANCES, root, more), environment)
        self.state = state
        self.store = state / "sqlite_db.db"


def components(root: Path = ROOT) -> dict[str, Path]:
    """Accord's components: name and file."""
    manifest = tomllib.loads((root / "spin.toml").read_text())
    return {name: root / component["source"] for name, component in manifest["component"].items()}


def empty() -> Server:
    """The empty component, with as many instances as each component of Accord has."""
    share = Accord.INSTANCES // len(components())
    return Server("empty component", _up(ROOT / "bench/empty/spin.toml", WORK / "empty", share))


def empty_on_spin() -> Server | None:
    """The empty component under Spin itself, where that is installed."""
    if shutil.which("spin") is None:
        return None
    manifest = str(ROOT / "bench/empty/spin.toml")
    command = lambda port: ["spin", "up", "--quiet", "--from", manifest, "--listen", f"127.0.0.1:{port}"]  # noqa: E731
    return Server("empty component under Spin", command)


def copy_of(store: Path, name: str) -> Path:
    """A copy of a store that no server has open."""
    copy = copy_path(name)
    copy.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    return shutil.copyfile(store, copy)


def copy_path(name: str) -> Path:
    """Where the copy of this name is."""
    return WORK / "peers" / f"{name}.db"


def twin(store: Path) -> Server:
    """The native twin, on a copy of Accord's store."""
    copy = copy_of(store, "twin")
    twin = str(TARGET / "release/accord-twin")
    keys = str(store.with_name("sqlite_key_value.db"))
    return Server(
        "native twin",
        lambda port: [twin, "serve", "--store", str(copy), "--keys", keys, "--listen", f"127.0.0.1:{port}"])


def fastapi(store: Path) -> Server:
    """FastAPI and SQLAlchemy, on a copy of Accord's store."""
    return Server(
        "FastAPI",
        lambda port: [
            str(WORK / "venv/bin/python"), "-m", "uvicorn", "service:app", "--port", str(port),
            "--workers", str(WORKERS), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
            "--log-level", "warning",
        ],
        {"STORE": str(copy_of(store, "fastapi"))},
        ROOT / "bench/peers/fastapi",
    )


class BetterAuth(Server):
    """better-auth, with a store of its own that has as many organizations."""

    def __init__(self, organizations: int):
        directory = WORK / "better-auth"
        for file in directory.glob("store.db*"):
            file.unlink()
        environment = {
            "STORE": str(directory / "store.db"),
            "WORKERS": str(WORKERS),
            "ORGANIZATIONS": str(organizations),
            "NODE_ENV": "production",
        }
        super().__init__("better-auth", lambda _: ["node", "server.mjs"], environment, directory)
        self._environment |= {"PORT": str(self.port), "URL": self.url}
        done = subprocess.run(
            ["node", "fill.mjs"], env=self._environment, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"better-auth cannot be filled: {done.stderr}")
        self.filled = json.loads(done.stdout)
