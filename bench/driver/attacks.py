"""Attacks: each is a function that keeps on until its process is ended, or has a number of requests. It runs in a process of its own, at a lower
priority than the server, on the same processors, and comes from other addresses than the bystander. What it was answered is
counted: an attack that nobody answers proves nothing."""

import http.client
import itertools
import json
import multiprocessing
import os
import resource
import socket
import threading
import time
import urllib.parse
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

from driver.servers import ADMIN, CLIENT_ID, CLIENT_SECRET

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
USERS = "/api/integrations/v1/users"


class Answers:
    """How many answers of each status there were, counted by a process and read by another."""

    def __init__(self):
        self._counts = multiprocessing.Array("L", 600)

    def count(self, status: int) -> None:
        with self._counts.get_lock():
            self._counts[status] += 1

    def read(self) -> dict[int, int]:
        return {status: count for status, count in enumerate(self._counts) if count}


@dataclass(frozen=True)
class Target:
    """Where the attack goes, a token of the operator's connector, which it may use, and what it was answered."""

    port: int
    token: str
    answers: Answers = field(default_factory=Answers)

    def connect(self, number: int = 0) -> http.client.HTTPConnection:
        """A connection from one of many addresses."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(address(number), 0))


def address(number: int) -> str:
    return f"127.0.{1 + number // 250 % 250}.{1 + number % 250}"


def basic() -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def loops(target: Target, count: int, request, turns: Iterable[int] | None = None) -> None:
    """Sends requests in `count` loops, each on a connection that it keeps as long as it can. `request` makes method, path,
    headers and body of the loop's number and of the number of the request. `turns` are these numbers, if they are not all."""

    def loop(number: int) -> None:
        connection = target.connect(number)
        for turn in itertools.count() if turns is None else turns:
            method, path, headers, body = request(number, turn)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
                target.answers.count(response.status)
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.05)

    threads = [threading.Thread(target=loop, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slow_bodies(target: Target) -> None:
    """170 anonymous bodies that come byte by byte"""
    head = b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\n"
    trickle(target, 170, head, lambda stream: stream.send(b"a"))


def silent(target: Target) -> None:
    """4,150 connections that say nothing"""
    trickle(target, 4150, b"", lambda stream: stream.send(b""))


def slow_readers(target: Target) -> None:
    """200 connections that ask for the description again and again, and read none of it"""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    trickle(target, 200, ask * 8, lambda stream: stream.send(ask))


def trickle(target: Target, count: int, head: bytes, again) -> None:
    """Keeps `count` connections open: each says `head`, then does `again` once a second. One that is closed is opened anew, and
    counted as a status 0."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    streams: list[socket.socket | None] = [None] * count
    while True:
        began = time.monotonic()
        for number, stream in enumerate(streams):
            try:
                if stream is None:
                    stream = socket.create_connection(("127.0.0.1", target.port), 1, (address(number), 0))
                    stream.setblocking(False)
                    streams[number] = stream
                    stream.send(head)
                else:
                    again(stream)
            except BlockingIOError:
                pass
            except OSError:
                if stream is not None:
                    stream.close()
                streams[number] = None
                target.answers.count(0)
        time.sleep(max(0.0, 1 - (time.monotonic() - began)))


def one_key(target: Target) -> None:
    """24 anonymous loops that sign up with one Idempotency-Key"""
    headers = JSON | {"Idempotency-Key": "one"}
    body = {"email": "one@example.org", "password": "seven green kettles", "accountName": "One"}
    loops(target, 24, lambda *_: ("POST", "/api/accounts/signup", headers, json.dumps(body)))


def taken_addresses(target: Target) -> None:
    """16 loops that sign up with an address that is taken"""
    body = json.dumps({"email": ADMIN, "password": "seven green kettles", "accountName": "Taken"})
    loops(target, 16, lambda *_: ("POST", "/api/accounts/signup", JSON, body))


def guesses(target: Target) -> None:
    """16 loops that guess a password"""
    form = lambda number, turn: urllib.parse.urlencode(  # noqa: E731
        {"grant_type": "password", "username": ADMIN, "password": f"guess {number} {turn}"})
    loops(target, 16, lambda number, turn: ("POST", "/oauth/token", FORM, form(number, turn)))


def tokens(target: Target) -> None:
    """16 loops of a connector that asks for tokens"""
    loops(target, 16, lambda *_: ("POST", "/oAuth/rest/v2/Token", FORM | basic(), "grant_type=client_credentials"))


def searches(target: Target) -> None:
    """16 loops that list accounts by what costs most"""
    words = " ".join("acme" + "x" * 40 + str(number) for number in range(60))
    nested = "contains(tolower(concat(name,concat(name,name))),'zz')"
    options = [
        {"$search": words},
        {"$filter": " or ".join([nested] * 20)},
        {"$orderby": ",".join(["tolower(name) desc", "length(name)", "createdAt"]), "$skip": "5000", "$count": "true"},
        {"$filter": "not startswith(name,'Q')", "$orderby": "country,name desc", "$top": "500"},
    ]
    paths = ["/api/accounts?" + urllib.parse.urlencode(option) for option in options]
    loops(target, 16, lambda _, turn: ("GET", paths[turn % len(paths)], bearer(target.token), None))


def writers(target: Target) -> None:
    """64 loops that write 100 accounts each"""

    def request(number: int, turn: int):
        body = {f"w-{number}-{n}": {"name": f"Writer {turn}", "id": f"w-{number}-{n}"} for n in range(100)}
        return "PATCH", "/api/integrations/v1/accounts", bearer(target.token) | JSON, json.dumps(body)

    loops(target, 64, request)


def new_users(target: Target, number: int, turn: int):
    """A request that loads 90,000 users whom nobody has."""
    made = f"{os.getpid()}-{number}-{turn}"
    users = {f"{made}-{n}": {"email": f"u{n}.{made}@example.org"} for n in range(90_000)}
    return "PATCH", USERS, bearer(target.token) | JSON, json.dumps(users, separators=(",", ":"))


def bulk_loads(target: Target) -> None:
    """8 bodies of 90,000 new users each, by the portal, at once"""
    loops(target, 8, lambda number, turn: new_users(target, number, turn), range(1))


def endless_loads(target: Target) -> None:
    """8 loops that go on to load 90,000 new users with each body"""
    loops(target, 8, lambda number, turn: new_users(target, number, turn))


ATTACKS = (
    slow_bodies, silent, slow_readers, one_key, taken_addresses, guesses, tokens, searches, writers,
    bulk_loads, endless_loads,
)
# Those that have a number of requests, and are measured from the first to the last.
ENDING = (bulk_loads,)
