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

from driver.machine import ROOT, WORK, write
from driver.servers import CLIENT_ID, CLIENT_SECRET, Accord

# One account of this many is a reseller, which owns the next of them; the operator owns all others.
BLOCK = 1000
CUSTOMERS = 50

# How many connectors of the operator call each account something: the environment says so, and a revision that does not know it has one.
SOURCES = int(os.environ.get("BENCH_SOURCES", "1"))

# Accounts and their people of these numbers have a word in their names that no other has.
RARE = range(901, 941)

# Connectors of the operator that know the first accounts only: they make the disagreements, as many in a directory of any size.
KNOWN_TWICE = 1000

# Account `number` (from 1) has the id `number + 1`: 1 is the operator. So has its user: 1 is the operator's admin. What a
# reseller has is as much in a directory of any size.
_FILL = """
CREATE TEMP TABLE n AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
  SELECT i, (i - 1) % :block AS place, (i - 1) / :block * :block + 2 AS reseller, :began + i * (:span / :count) AS at,
         iif(i BETWEEN :rare AND :rarest, 'Quartzite', 'Company') AS word FROM n;

INSERT INTO accounts (id, owner_id, account_key, registration_id, registration_number, type, name, name_key, description,
                      primary_contact, country, subdomain, package_id, origin, created_at, updated_at)
  SELECT i + 1, iif(place BETWEEN 1 AND :customers, reseller, 1), account_key(i),
         -- A reseller has one customer twice.
         iif(place = :customers, printf('R %d', i - 1), printf('R-%d', i)), iif(place = :customers, i - 1, i),
         iif(place = 0, 'reseller', 'standard'), printf('%s %d', word, i), printf('%s %d', lower(word), i),
         printf('Account number %d', i), printf('contact-%d@example.com', i), 'FI', NULL,
         (SELECT min(id) FROM packages WHERE is_default = 1), 'portal', at / 1000 * 1000, at / 1000 * 1000
    FROM n;
UPDATE accounts SET descendants = owned.number
  FROM (WITH RECURSIVE chain(id, owner_id) AS (
            SELECT id, owner_id FROM accounts
            UNION ALL SELECT chain.id, o.owner_id FROM chain JOIN accounts o ON o.id = chain.owner_id)
        SELECT owner_id, count(*) AS number FROM chain WHERE owner_id IS NOT NULL GROUP BY owner_id) owned
 WHERE accounts.id = owned.owner_id;

INSERT INTO people (id, uuid, first_name, last_name, name, password_hash, password_version, origin, created_at, updated_at)
  SELECT i + 1, user_uuid(i), printf('First %d', i), printf('%s %d', word, i), printf('First %d %s %d', i, word, i),
         admin.password_hash, admin.password_version, 'portal', at, at
    FROM n, people admin WHERE admin.id = 1;
INSERT INTO addresses (key, address, person_id, proved_at)
  SELECT printf('user-%d@example.com', i), printf('user-%d@example.com', i), i + 1, at FROM n;
INSERT INTO records (uuid, account_id, username, username_key, email, email_key, first_name, last_name, name, is_active,
                     created_at, updated_at)
  SELECT user_uuid(i), 1, printf('user-%d', i), printf('user-%d', i), printf('user-%d@example.com', i),
         printf('user-%d@example.com', i), printf('First %d', i), printf('%s %d', word, i), printf('First %d %s %d', i, word, i), 1,
         at, at
    FROM n;
INSERT INTO records (uuid, account_id, username, username_key, first_name, last_name, is_active, created_at, updated_at)
  SELECT printf('r%s', user_uuid(i)), reseller, printf('user-%d', i), printf('user-%d', i), 'First', printf('%s %d', word, i), 1, at,
         at
    FROM n WHERE place BETWEEN 1 AND :customers;

INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as, known_by)
  SELECT i + 1, i + 1, 'active', at, at, at, i + 1, printf('user-%d@example.com', i) FROM n;
INSERT INTO memberships (account_id, person_id, status, entered_at, created_at, updated_at, known_as, known_by)
  SELECT reseller, i + 1, 'active', at, at, at, i + 1, printf('user-%d@example.com', i) FROM n
   WHERE place BETWEEN 1 AND :customers;
INSERT INTO memberships (account_id, person_id, status, created_at, updated_at, known_as, known_by)
  SELECT reseller, i + 1, 'invited', at, at, 4503599627370496 + i, printf('user-%d@example.com', i) FROM n
   WHERE place BETWEEN :customers + 1 AND 2 * :customers;
INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at)
  SELECT randomblob(32), 'invitation', i + 1, reseller, printf('user-%d@example.com', i), printf('user-%d@example.com', i), at,
         :began + 2 * :span
    FROM n WHERE place BETWEEN :customers + 1 AND 2 * :customers;
INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
  SELECT i + 1, i + 1, 'portal', 'user', 'connector:1', at FROM n WHERE place <> 0;
INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
  SELECT i + 1, i + 1, 'founder', role, 'user:1', at FROM n, (SELECT 'admin' AS role UNION SELECT 'owner') WHERE place = 0;
INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
  SELECT reseller, i + 1, 'accounts', 'user', printf('user:%d', reseller), at FROM n
   WHERE place BETWEEN 1 AND 2 * :customers;

INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, status, created_at, updated_at)
  SELECT max(id) + 1, 1, 'another', '', 'portal:write', 'Another', 'active', :began, :began FROM connectors;
INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
  SELECT 1, printf('account-%d', i), i + 1, at FROM n;
INSERT INTO account_identities (connector_id, external_id, account_id, created_at, name)
  SELECT (SELECT max(id) FROM connectors), printf('account-%d', i), i + 1, at, iif(i % 10 = 0, printf('Also %d', i), NULL) FROM n
   WHERE i <= :twice;
INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key)
  SELECT 1, printf('user-%d', i), i + 1, at, printf('user-%d@example.com', i) FROM n;
INSERT INTO user_bindings (connector_id, external_id, account_id, created_at)
  SELECT 1, printf('user-%d', i), i + 1, at FROM n WHERE place <> 0;
INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
  SELECT at, 'connector:1', 'portal', 'created', 'accounts', i + 1,
         printf('{"after":{"name":"%s %d","registrationId":"R-%d"}}', word, i, i), user_uuid(i), i + 1
    FROM n;
INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
  SELECT at, printf('user:%d', reseller), 'accounts', 'updated', 'accounts', reseller,
         printf('{"before":{"description":"%d"},"after":{"description":"%d"}}', i - 1, i), printf('r%s', user_uuid(i)), reseller
    FROM n WHERE place BETWEEN 1 AND 2 * :customers;
DROP TABLE n;
"""

# One more source of every account. It agrees on all names but one of a hundred.
_SOURCE = """
INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, status, created_at, updated_at)
  VALUES (:source, 1, printf('source-%d', :source), '', 'portal:write', printf('Source %d', :source), 'active', 0, 0);
INSERT INTO account_identities (connector_id, external_id, account_id, created_at, name)
  SELECT :source, external_id, account_id, created_at + :source, iif(account_id % 100 = 0, printf('Also %d', account_id), NULL)
    FROM account_identities WHERE connector_id = 1;
"""


def account_name(number: int) -> str:
    """The name of the account of this number."""
    return f"{'Quartzite' if number in RARE else 'Company'} {number}"


def address(number: int) -> str:
    """The address that the user of this number signs in by."""
    return f"user-{number}@example.com"


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
        self._kept = kept(count) if root == ROOT else _kept_by(root, count)
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
    files = sorted((ROOT / "components/core").rglob("migrations/*.sql"))
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


def kept(count: int) -> Path:
    """The state of a directory of this size, kept from an earlier run, migrated from one that has fewer migrations, or made."""
    fill = hashlib.sha256((_FILL + (_SOURCE * (SOURCES - 1))).encode()).hexdigest()[:16]
    steps = [hashlib.sha256(migration.read_bytes()).hexdigest() for migration in migrations()]
    home = WORK / "directories" / f"{fill}-{hashlib.sha256(''.join(steps).encode()).hexdigest()[:16]}"
    if not (home / str(count)).is_dir():
        # Of one beginning, so that the tokens of one directory are good in all.
        for name in ("base", str(count)):
            if not (home / name).is_dir():
                _make(home, name, count, _older(home, fill, steps, name))
        write(home / "migrations.json", json.dumps(steps))
    return home / str(count)


def _older(home: Path, fill: str, steps: list[str], name: str) -> Path | None:
    """What was filled the same with the first of these migrations and no other, if anything was: that with the most."""
    found = []
    for told in home.parent.glob(f"{fill}-*/migrations.json"):
        known = json.loads(told.read_text())
        if known == steps[: len(known)] and (told.parent / name).is_dir():
            found.append((len(known), told.parent / name))
    return max(found)[1] if found else None


def _make(home: Path, name: str, count: int, older: Path | None) -> None:
    """Makes a state: from an older one by a start that migrates it, as a first start does, or from that by filling it."""
    making = home / f"{name}.making"
    shutil.rmtree(making, ignore_errors=True)
    if older:
        print(f"migrating {older.name} from {older.parent.name}", flush=True)
        shutil.copytree(older, making)
        _start(making)
    elif name == "base":
        making.mkdir(parents=True)
        _start(making)
    else:
        print(f"filling a directory of {count:,} accounts", flush=True)
        shutil.copytree(home / "base", making)
        fill(making / "sqlite_db.db", count)
    making.rename(home / name)


def _start(state: Path) -> None:
    """Starts Accord on a state, and leaves it as it is then."""
    with Accord(state) as accord:
        token(accord.connect(), grant_type="client_credentials", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    for store in state.glob("*.db"):
        _close(sqlite3.connect(store))


def fill(path: Path, count: int) -> None:
    """Adds this many accounts, and what belongs to them, to a store that has what a first start makes."""
    store = sqlite3.connect(path, isolation_level=None)
    store.create_function("account_key", 1, account_key, deterministic=True)
    store.create_function("user_uuid", 1, user_uuid, deterministic=True)
    # Who is interrupted begins anew: so nothing has to be written twice.
    store.execute("PRAGMA journal_mode = OFF")
    store.execute("PRAGMA synchronous = OFF")
    store.execute("PRAGMA cache_size = -4000000")
    store.execute("PRAGMA foreign_keys = ON")
    span = 2 * 365 * 24 * 3600 * 1000
    values = {
        "count": count, "block": BLOCK, "customers": CUSTOMERS, "span": span, "began": int(time.time() * 1000) - span,
        "rare": RARE.start, "rarest": RARE.stop - 1, "twice": KNOWN_TWICE,
    }
    store.execute("BEGIN")
    for statement in _FILL.split(";\n"):
        if statement.strip():
            store.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
    for source in range(3, SOURCES + 2):
        for statement in _SOURCE.split(";\n"):
            if statement.strip():
                store.execute(statement, {"source": source})
    store.execute("COMMIT")
    store.close()
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = WAL")
    _close(store)


def _close(store: sqlite3.Connection) -> None:
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
