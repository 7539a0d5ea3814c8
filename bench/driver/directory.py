"""Directories of a size, made in the store directly and kept for the next run."""

import hashlib
import http.client
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from driver.machine import ROOT, WORK
from driver.servers import CLIENT_ID, CLIENT_SECRET, Accord

# One account of this many is a reseller, which owns the next of them; the operator owns all others.
BLOCK = 1000
CUSTOMERS = 50

# How many connectors of the operator call each account something: the environment says so, and a revision that does not know it has one.
SOURCES = int(os.environ.get("BENCH_SOURCES", "1"))

# Account `number` (from 1) has the id `number + 1`: 1 is the operator. So has its user: 1 is the operator's admin.
_FILL = """
CREATE TEMP TABLE n AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
  SELECT i, (i - 1) % :block AS place, (i - 1) / :block AS reseller, :began + i * (:span / :count) AS at FROM n;

INSERT INTO accounts (id, owner_id, account_key, registration_id, type, name, name_key, description, primary_contact,
                      country, subdomain, origin, created_at, updated_at)
  SELECT i + 1, CASE WHEN place BETWEEN 1 AND :customers THEN reseller * :block + 2 ELSE 1 END,
         account_key(i), printf('R-%d', i),
         CASE WHEN place = 0 THEN 'reseller' ELSE 'standard' END,
         printf('Company %d', i), printf('company %d', i), printf('Account number %d', i),
         printf('contact-%d@example.com', i), 'FI', NULL, 'portal', at, at
    FROM n;

INSERT INTO people (id, uuid, first_name, last_name, name, password_hash, password_version, origin, created_at, updated_at)
  SELECT i + 1, user_uuid(i), printf('First %d', i), printf('Last %d', i), printf('First %d Last %d', i, i),
         admin.password_hash, admin.password_version, 'portal', at, at
    FROM n, people admin WHERE admin.id = 1;
INSERT INTO addresses (key, address, person_id, proved_at)
  SELECT printf('user-%d@example.com', i), printf('user-%d@example.com', i), i + 1, at FROM n;
INSERT INTO records (uuid, account_id, username, username_key, email, email_key, first_name, last_name, name, is_active,
                     created_at, updated_at)
  SELECT user_uuid(i), 1, printf('user-%d', i), printf('user-%d', i), printf('user-%d@example.com', i),
         printf('user-%d@example.com', i), printf('First %d', i), printf('Last %d', i), printf('First %d Last %d', i, i), 1, at,
         at
    FROM n;

INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at)
  SELECT i + 1, i + 1, 'active', at, at, at FROM n;
INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
  SELECT i + 1, i + 1, 'portal', 'user', 'connector:1', at FROM n WHERE place <> 0;
INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
  SELECT i + 1, i + 1, 'founder', role, 'user:1', at FROM n, (SELECT 'admin' AS role UNION SELECT 'owner') WHERE place = 0;
INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
  SELECT 1, printf('account-%d', i), i + 1, at FROM n;
INSERT INTO person_identities (connector_id, external_id, person_id, created_at)
  SELECT 1, printf('user-%d', i), i + 1, at FROM n;
INSERT INTO user_bindings (connector_id, external_id, account_id, created_at)
  SELECT 1, printf('user-%d', i), i + 1, at FROM n WHERE place <> 0;
INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
  SELECT at, 'connector:1', 'portal', 'created', 'accounts', i + 1, printf('{"registrationId":"R-%d"}', i), user_uuid(i)
    FROM n;
DROP TABLE n;
"""

# What a later schema counts at each account, in the words of the migration that added it.
_DESCENDANTS = """
UPDATE accounts SET descendants = owned.number
  FROM (WITH RECURSIVE chain(id, owner_id) AS (
            SELECT id, owner_id FROM accounts
            UNION ALL SELECT chain.id, o.owner_id FROM chain JOIN accounts o ON o.id = chain.owner_id)
        SELECT owner_id, count(*) AS number FROM chain WHERE owner_id IS NOT NULL GROUP BY owner_id) owned
 WHERE accounts.id = owned.owner_id;
"""

# What a later schema knows of members and of changes, in the words of the migration that added it.
_READING = """
UPDATE memberships SET known_as = person_id;
UPDATE audit SET account_id = subject_id WHERE subject = 'accounts';
"""

# One more source of every account. It agrees on all names but one of a hundred.
_SOURCE = """
INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, status, created_at, updated_at)
  VALUES (:source, 1, printf('source-%d', :source), '', 'portal:write', printf('Source %d', :source), 'active', 0, 0);
INSERT INTO account_identities (connector_id, external_id, account_id, created_at, name)
  SELECT :source, external_id, account_id, created_at + :source, iif(account_id % 100 = 0, printf('Also %d', account_id), NULL)
    FROM account_identities WHERE connector_id = 1;
"""


def account_key(number: int) -> str:
    """The account key of the account of this number."""
    return f"{number * 2654435761 % 2**56:014x}.{number:08d}"


def user_uuid(number: int) -> str:
    """The UUID of the user of this number, and of the request that made the account."""
    return f"{number * 2654435761 % 2**32:08x}-0000-4000-8000-{number:012x}"


class Directory:
    """A directory with `count` accounts behind the operator, in a state of its own that the bench may change.

    It is one of the Accord whose tree is in `root`, and has the tables of that one.
    """

    def __init__(self, count: int, home: Path = WORK / "state", root: Path = ROOT):
        self.count = count
        self._root = root
        self._kept = _kept(count) if root == ROOT else _kept_by(root, count)
        self.state = home / str(count)
        self.reset()

    def reset(self) -> None:
        """Makes the state anew. No server may have it open."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self._kept, self.state)

    @property
    def store(self) -> Path:
        """The database as it is kept, with no server on it."""
        return self._kept / "sqlite_db.db"

    def accord(self, name: str = "Accord") -> Accord:
        return Accord(self.state, name, self._root)

    def resellers(self) -> list[int]:
        """The numbers of some resellers, evenly spread."""
        blocks = max(self.count // BLOCK, 1)
        return [block * BLOCK + 1 for block in range(0, blocks, max(blocks // 16, 1))][:16]

    @staticmethod
    def customers(reseller: int) -> range:
        """The numbers of a reseller's customers."""
        return range(reseller + 1, reseller + 1 + CUSTOMERS)

    def owned_by_operator(self) -> range:
        """Numbers of accounts that the operator owns without a gap."""
        return range(CUSTOMERS + 2, min(self.count, BLOCK) + 1)


def token(connection: http.client.HTTPConnection, **form: str) -> str:
    """An access token of the token endpoint."""
    body = urllib.parse.urlencode(form)
    connection.request("POST", "/oauth/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"no token: {answer.status} {text.decode()}")
    return json.loads(text)["access_token"]


def migrations() -> list[Path]:
    """The files that make the tables, in order."""
    files = sorted((ROOT / "components/core").rglob("*.sql"))
    if not files:
        raise SystemExit("there are no migrations below components/core")
    return files


def _kept_by(root: Path, count: int) -> Path:
    """The state of a directory of this size as the bench of another tree makes and keeps it.

    Of that bench it needs `Directory(count).store` and no more.
    """
    program = f"from driver.directory import Directory; print(Directory({count}).store.parent)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONPATH": str(root / "bench")},
        stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the bench in {root} makes no directory")
    *said, kept = done.stdout.splitlines()
    print(*said, sep="\n", end="\n" if said else "", flush=True)
    return Path(kept)


def _kept(count: int) -> Path:
    """The state of a directory of this size, made unless it is kept from an earlier run."""
    digest = hashlib.sha256((_FILL + _DESCENDANTS + _READING + (_SOURCE * (SOURCES - 1))).encode())
    for migration in migrations():
        digest.update(migration.read_bytes())
    home = WORK / "directories" / digest.hexdigest()[:16]
    state = home / str(count)
    if not state.is_dir():
        # Of one beginning, so that the tokens of one directory are good in all.
        base = home / "base"
        if not base.is_dir():
            _begin(base)
        making = home / f"{count}.making"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(base, making)
        print(f"filling a directory of {count:,} accounts", flush=True)
        fill(making / "sqlite_db.db", count)
        making.rename(state)
    return state


def _begin(state: Path) -> None:
    """A state as Accord's first start leaves it."""
    making = state.with_name("base.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    with Accord(making) as accord:
        token(accord.connect(), grant_type="client_credentials", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    for store in making.glob("*.db"):
        _close(sqlite3.connect(store))
    making.rename(state)


def fill(path: Path, count: int) -> None:
    """Adds this many accounts, and what belongs to them, to a store that has what a first start makes."""
    store = sqlite3.connect(path, isolation_level=None)
    store.create_function("account_key", 1, account_key, deterministic=True)
    store.create_function("user_uuid", 1, user_uuid, deterministic=True)
    store.execute("PRAGMA synchronous = OFF")
    store.execute("PRAGMA cache_size = -1000000")
    store.execute("PRAGMA foreign_keys = ON")
    span = 2 * 365 * 24 * 3600 * 1000
    values = {
        "count": count, "block": BLOCK, "customers": CUSTOMERS, "span": span, "began": int(time.time() * 1000) - span}
    store.execute("BEGIN")
    for statement in _FILL.split(";\n"):
        if statement.strip():
            store.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
    if any(column[1] == "descendants" for column in store.execute("PRAGMA table_info(accounts)")):
        store.execute(_DESCENDANTS)
    if any(column[1] == "known_as" for column in store.execute("PRAGMA table_info(memberships)")):
        for statement in _READING.split(";\n"):
            store.execute(statement)
    for source in range(2, SOURCES + 1):
        for statement in _SOURCE.split(";\n"):
            if statement.strip():
                store.execute(statement, {"source": source})
    store.execute("COMMIT")
    _close(store)


def _close(store: sqlite3.Connection) -> None:
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
