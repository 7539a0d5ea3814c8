"""What fills a directory, on the tables as the migrations make them."""

import json
import sqlite3
import tempfile
import unittest
from pathlib import Path

from driver import directory

# What the bench needs of a first start: the operator, its admin and a connector.
FIRST_START = """
INSERT INTO accounts (id, account_key, name, name_key, origin, created_at, updated_at)
  VALUES (1, 'key', 'Operator', 'operator', 'operator', 0, 0);
INSERT INTO people (id, uuid, password_hash, origin, created_at, updated_at)
  VALUES (1, 'uuid', 'hash', 'operator', 0, 0);
INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
  VALUES (1, 1, 'bench', 'hash', '', 'bench', 0, 0);
"""


SECURE_DELETE = "INSERT INTO person_words (person_words, rank) VALUES ('secure-delete', 1);"


class Fill(unittest.TestCase):
    def test_fill(self):
        with tempfile.TemporaryDirectory() as home:
            path = Path(home, "store.db")
            store = sqlite3.connect(path)
            for migration in directory.migrations():
                # SQLite before 3.42 does not know it. It is about what is left on the disk, and nothing that is read.
                store.executescript(migration.read_text().replace(SECURE_DELETE, ""))
            store.executescript(FIRST_START)
            store.close()
            directory.fill(path, 2000)
            store = sqlite3.connect(path)
            one = lambda statement, *values: store.execute(statement, values).fetchone()  # noqa: E731
            self.assertEqual(one("SELECT count(*), count(DISTINCT account_key) FROM accounts"), (2001, 2001))
            self.assertEqual(one("SELECT account_key FROM accounts WHERE id = 1235"), (directory.account_key(1234),))
            self.assertEqual(one("SELECT uuid FROM people WHERE id = 1235"), (directory.user_uuid(1234),))
            self.assertEqual(one("SELECT descendants FROM accounts WHERE id = 1"), (2000,))
            self.assertEqual(one("SELECT descendants FROM accounts WHERE id = 1002"), (directory.CUSTOMERS,))
            self.assertEqual(one("SELECT name FROM accounts WHERE id = 910"), (directory.account_name(909),))
            # What a reseller has is as much in a directory of any size.
            for reseller in (2, 1002):
                for table in ("memberships WHERE account_id = ? AND status = 'invited'", "links WHERE account_id = ?",
                              "records WHERE account_id = ?"):
                    self.assertEqual(one(f"SELECT count(*) FROM {table}", reseller), (directory.CUSTOMERS,), table)
            twice = "SELECT registration_number FROM accounts WHERE owner_id = 2 GROUP BY 1 HAVING count(*) > 1"
            self.assertEqual(len(store.execute(twice).fetchall()), 1)
            self.assertEqual(store.execute("PRAGMA foreign_key_check").fetchall(), [])
            store.close()


class Older(unittest.TestCase):
    def test_what_has_the_first_migrations_and_no_other(self):
        with tempfile.TemporaryDirectory() as place:
            home = Path(place, "fill-now")

            def kept(name: str, steps: list[str], *sizes: str) -> None:
                for size in sizes:
                    Path(place, name, size).mkdir(parents=True)
                Path(place, name, "migrations.json").write_text(json.dumps(steps))

            kept("fill-one", ["a"], "base", "1000")
            kept("fill-two", ["a", "b"], "base")
            kept("fill-changed", ["a", "x"], "base", "1000")
            kept("other-one", ["a", "b", "c"], "base", "1000")
            older = lambda size: directory._older(home, "fill", ["a", "b", "c"], size)  # noqa: E731
            self.assertEqual(older("base"), Path(place, "fill-two", "base"))
            self.assertEqual(older("1000"), Path(place, "fill-one", "1000"))
            self.assertIsNone(older("1000000"))
