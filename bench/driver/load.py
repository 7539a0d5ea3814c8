"""Load: closed loops of wrk, and of one connection of our own where a request takes long."""

import http.client
import itertools
import json
import math
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from driver.machine import ROOT, WORK
from driver.servers import Server

# A number that no other request has. Requests have room for twelve digits of it.
_numbers = itertools.count(1, 10_000_000)
UNIQUE = "#" * 12

# Seconds that one request may take for wrk to measure it; what takes longer is sent by a loop of our own.
SLOW = 0.2


@dataclass
class Round:
    """What a round of load saw."""

    # Requests a second, milliseconds, and microseconds of the server's processor time for each request.
    rate: float
    p50: float
    p99: float
    cpu: float


def request(method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> str:
    """A whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1:3000"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join([*lines, "", body])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sequence(server: Server, one: str, times: int) -> float:
    """Sends one request again and again over one connection, and returns the milliseconds that each took on average."""
    head, _, body = one.partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    method, path, _ = line.split(" ")
    connection = server.connect()
    started = time.perf_counter()
    for _ in range(times):
        connection.request(method, path, body, dict(header.split(": ", 1) for header in headers))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    return (time.perf_counter() - started) * 1000 / times


class Refused(SystemExit):
    """A server does not answer a request with success. The bench ends, but where it can do without the load."""


class Load:
    """Requests of one kind for one server. They are sent in turn."""

    def __init__(self, name: str, server: Server, requests: list[str]):
        self.server = server
        self._requests = requests
        self._file = WORK / "requests" / f"{server.port}-{name.replace(' ', '-').replace('/', '-')}"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(f"{one}\n----\n" for one in requests), newline="")
        self.name = name
        # Each round goes on where the last one ended, for there are requests that only work once.
        self._sent = 0
        self.took = self.check()

    def check(self) -> float:
        """Sends two requests and returns the seconds that the second took; ends the bench if one is refused."""
        return [self._send_next(next(_numbers)) for _ in range(2)][1]

    def _send_next(self, number: int) -> float:
        text = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        return self._send(text, number)

    def _send(self, text: str, number: int) -> float:
        head, _, body = text.replace(UNIQUE, f"{number:012d}").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        method, path, _ = start.split(" ")
        connection = self.server.connect()
        started = time.perf_counter()
        try:
            connection.request(method, path, body or None, dict(line.split(": ", 1) for line in lines))
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"{self.server.name}, {self.name}: {type(error).__name__}: {error}\n{text[:500]}") from error
        took = time.perf_counter() - started
        connection.close()
        if answer.status >= 300:
            raise Refused(f"{self.server.name}, {self.name}: {answer.status} {said[:500].decode()}\n{text[:500]}")
        return took

    def warm_up(self, rounds: int) -> None:
        """What is measured by one round is tried, not measured: it needs no warm-up."""
        if rounds > 1:
            self.run(16, 1)

    def run(self, connections: int, seconds: int, pause: float = 0) -> Round | None:
        """A round with wrk, or nothing if no request was answered in its time. Between an answer and the next request a
        connection may pause for some milliseconds."""
        # As long as each connection needs to get an answer, within reason.
        seconds = max(seconds, min(math.ceil(self.took * connections), 5))
        before = self.server.cpu_seconds()
        done = subprocess.run(
            ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
             "--timeout", "60s", "--script", str(ROOT / "bench/load.lua"), self.server.url, "--", str(self._file),
             str(next(_numbers)), str(self._sent), str(pause)],
            capture_output=True, text=True, check=False)
        cpu = self.server.cpu_seconds() - before
        try:
            saw = json.loads(done.stdout.strip().rpartition("\n")[2])
        except json.JSONDecodeError:
            raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}") from None
        if saw["statuses"] or saw["failures"]:
            raise Refused(f"{self.server.name}, {self.name}: {saw}")
        if not saw["requests"]:
            return None
        # Those that were on their way at the end are not counted.
        self._sent += saw["requests"] + connections
        return Round(
            saw["requests"] / saw["seconds"], saw["p50"] / 1000, saw["p99"] / 1000, cpu / saw["requests"] * 1e6)

    def round(self, connections: int, seconds: int) -> Round | None:
        """A round on a server that has nothing else to do: with wrk, or of two requests where one takes long."""
        self.server.settle()
        return self.run_alone(2) if self.slow else self.run(connections, seconds)

    def run_alone(self, times: int) -> Round:
        """A round of few requests, one after another."""
        before = self.server.cpu_seconds()
        took = [self._send_next(next(_numbers)) for _ in range(times)]
        cpu = self.server.cpu_seconds() - before
        return Round(1 / statistics.mean(took), statistics.median(took) * 1000, max(took) * 1000, cpu / times * 1e6)

    @property
    def slow(self) -> bool:
        return self.took > SLOW
