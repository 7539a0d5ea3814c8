//! The schema: numbered SQL files, each applied once, by whoever comes first.
//!
//! What was applied is recorded in the table `migrations`, not in `user_version`, which libSQL lacks. A file that was
//! released is never edited again; a change is a new file.

use std::iter;

use crate::error::{Error, Result};
use crate::store::patience;
use crate::store::sqlite::Sqlite;
use crate::values::email::Email;
use crate::values::text;
use crate::values::time::Time;

/// How many files there are in `migrations/`. The first is version 1.
const LATEST: usize = match usize::from_str_radix(env!("MIGRATIONS"), 10) {
    Ok(count) => count,
    Err(_) => panic!("build.rs has counted them"),
};

/// Every one of them, in order. An instance that finds an older schema unpacks them.
fn files() -> Vec<String> {
    let files = accord_building::unpack(include_bytes!(concat!(env!("OUT_DIR"), "/migrations.zlib")));
    files.split('\0').map(str::to_owned).collect()
}

/// The version of the schema of this release.
pub(crate) fn latest() -> usize {
    LATEST
}

/// Brings the database to the schema of this release, in one transaction.
///
/// # Errors
///
/// [`Error::Unavailable`] if a newer release made the database, whose schema this one does not know.
pub(crate) async fn migrate(sqlite: &Sqlite) -> Result<()> {
    // Nothing to do is the usual case, and costs one read.
    if version(sqlite).is_ok_and(|version| version == LATEST) {
        return Ok(());
    }
    patience::execute(sqlite, "BEGIN IMMEDIATE", Vec::new()).await?;
    match apply(sqlite) {
        Ok(()) => sqlite.execute("COMMIT", Vec::new()).await.map(drop),
        Err(error) => {
            // If this fails as well, the first error still says why.
            _ = sqlite.query("ROLLBACK", &[]);
            Err(error)
        }
    }
}

/// See [`crate::store::connection::check`].
pub(crate) fn check(sqlite: &Sqlite) -> Result<()> {
    match version(sqlite)? {
        version if version == LATEST => Ok(()),
        version if version > LATEST => Err(NEWER),
        _ => Err(Error::Unavailable { retry_after: 5, reason: "the database has the schema of an older release" }),
    }
}

const NEWER: Error = Error::Unavailable { retry_after: 60, reason: "the database was made by a newer release" };

fn apply(sqlite: &Sqlite) -> Result<()> {
    sqlite.query(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
        &[],
    )?;
    // Read again under the lock: another instance may have been first.
    let applied = version(sqlite)?;
    if applied > LATEST {
        return Err(NEWER);
    }
    for (file, version) in files().iter().zip(1_i64..).skip(applied) {
        for statement in statements(file) {
            sqlite.query(statement, &[])?;
        }
        if version == PEOPLE {
            compare_by_mailbox(sqlite)?;
        }
        sqlite.query(
            "INSERT INTO migrations (version, applied_at) VALUES (?, ?)",
            &[version.into(), Time::now().into()],
        )?;
    }
    Ok(())
}

/// The file after which addresses compare by [`Email::key`], which SQL does not know.
const PEOPLE: i64 = 5;

/// Gives every address that is not plain ASCII the key of its mailbox. Of addresses that become one the one that was proved
/// first stays its person's; of the others, the person keeps what it had, and an operator finds it in the audit.
fn compare_by_mailbox(sqlite: &Sqlite) -> Result<()> {
    let other = "(address GLOB '*[^ -~]*' OR address LIKE '%xn--%')";
    let addresses =
        format!("SELECT key, address FROM addresses WHERE {other} ORDER BY proved_at IS NULL, proved_at, person_id;");
    for mut row in sqlite.query(&addresses, &[])? {
        let (before, address): (String, String) = (row.take("key")?, row.take("address")?);
        let Ok(email) = Email::parse(&address) else { continue };
        if email.key == before {
            continue;
        }
        // Whoever has proved the address keeps it, before whoever is only named by it; of two the first.
        let [mine, taken] = [before.as_str(), email.key.as_str()].map(|key| {
            let rows = sqlite
                .query("SELECT coalesce(proved_at, 1 << 62) AS since FROM addresses WHERE key = ?", &[key.into()])?;
            rows.into_iter().next().map(|mut row| row.take::<i64>("since")).transpose()
        });
        let (mine, taken) = (mine?, taken?);
        if taken.is_some() {
            let loser = if mine < taken { email.key.as_str() } else { before.as_str() };
            sqlite.query(
                "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
                 SELECT ?2, 'system', 'migration', 'migrated', 'people', person_id,
                        json_object('reason', 'the address is the mailbox of another address, whose person keeps it'),
                        '00000000-0000-0000-0000-000000000000'
                   FROM addresses WHERE key = ?1",
                &[loser.into(), Time::now().into()],
            )?;
            sqlite.query("DELETE FROM addresses WHERE key = ?", &[loser.into()])?;
        }
        sqlite.query(
            "UPDATE addresses SET key = ? WHERE key = ?",
            &[email.key.as_str().into(), before.as_str().into()],
        )?;
    }
    let others = [
        ("usernames", "person_id", "key", "name"),
        ("links", "person_id", "key", "address"),
        ("records", "id", "email_key", "email"),
    ];
    for (table, id, key, value) in others {
        let rows = format!(
            "SELECT {id} AS id, {value} AS value, {key} AS key FROM {table}
              WHERE {value} GLOB '*[^ -~]*' OR {value} LIKE '%xn--%';"
        );
        for mut row in sqlite.query(&rows, &[])? {
            let (id_of, value, before): (i64, String, String) = (row.take("id")?, row.take("value")?, row.take("key")?);
            let after = Email::parse(&value).map_or_else(|_| text::lower(&value), |email| email.key);
            let update = format!("UPDATE OR IGNORE {table} SET {key} = ? WHERE {id} = ? AND {key} = ?;");
            sqlite.query(&update, &[after.into(), id_of.into(), before.into()])?;
        }
    }
    Ok(())
}

/// An empty directory in memory, for tests of statements by themselves.
#[cfg(test)]
pub(crate) fn in_memory() -> rusqlite::Connection {
    let store = rusqlite::Connection::open_in_memory().expect("a database");
    for file in files() {
        store.execute_batch(&file).expect("the schema");
    }
    store
}

/// The last version that was applied, 0 for none. An error if there is no table of versions yet.
fn version(sqlite: &Sqlite) -> Result<usize> {
    let row = sqlite.query("SELECT coalesce(max(version), 0) AS version FROM migrations", &[])?.pop();
    let version: i64 = row.map_or(Ok(0), |mut row| row.take("version"))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// The statements of a file: each ends with a semicolon at the end of a line, that of a trigger after `END`. Spin runs one statement a
/// call.
fn statements(file: &str) -> impl Iterator<Item = &str> {
    let mut rest = file;
    iter::from_fn(move || {
        let is_end = |end: &usize| {
            let statement = &rest[..*end];
            let is_trigger = statement.lines().any(|line| line.starts_with("CREATE TRIGGER"));
            let body = statement.strip_suffix("END;\n").map(str::trim_end);
            !is_trigger || body.is_some_and(|body| body.ends_with(';'))
        };
        let end = rest.match_indices(";\n").map(|(at, end)| at + end.len()).find(is_end)?;
        let (statement, after) = rest.split_at(end);
        rest = after;
        Some(statement)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Connection;
    use crate::store::native::run;

    #[test]
    fn every_migration_is_applied() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
        files.sort_unstable();
        let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).expect("a text")).collect();
        assert_eq!((texts.len(), texts), (LATEST, super::files()));
    }

    #[test]
    fn a_file_is_split_at_the_semicolons_that_end_a_line() {
        let file = "-- why; and how\nCREATE TABLE a (b TEXT DEFAULT ';') STRICT;\n\nCREATE INDEX c ON a(b);\n-- end\n";
        let split: Vec<_> = statements(file).collect();
        assert_eq!(split.len(), 2);
        assert!(split[1].trim_start().starts_with("CREATE INDEX"));
        let trigger = "-- why\nCREATE TRIGGER a AFTER DELETE ON b BEGIN\n    UPDATE c SET d = CASE WHEN e THEN f END;\n    DELETE FROM d;\nEND;\n";
        let file = format!("{trigger}\nCREATE INDEX c ON a(b);\n");
        assert_eq!(statements(&file).map(str::trim_start).collect::<Vec<_>>(), [trigger, "CREATE INDEX c ON a(b);\n"]);
    }

    #[test]
    fn times_of_accounts_of_before_are_whole_seconds() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &files()[..8] {
            store.execute_batch(file).expect("the schema before");
        }
        store
            .execute_batch(
                "INSERT INTO accounts (account_key, name, name_key, origin, created_at, updated_at)
                 VALUES ('k', 'n', 'n', 'operator', 1999, 2000)",
            )
            .expect("an account");
        store.execute_batch(&files()[8]).expect("the migration");
        let times =
            store.query_row("SELECT created_at, updated_at FROM accounts", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(times.expect("a row"), (1000, 2000));
    }

    #[test]
    fn each_signing_key_of_before_gets_a_secret_for_marks() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &files()[..13] {
            store.execute_batch(file).expect("the schema before");
        }
        store
            .execute_batch(
                "INSERT INTO signing_keys (kid, algorithm, public_jwk, created_at, retires_at, expires_at)
                 VALUES ('a', 'EdDSA', '', 0, 0, 0), ('b', 'RS256', '', 0, 0, 0);",
            )
            .expect("keys");
        store.execute_batch(&files()[13]).expect("the migration");
        let lengths = "SELECT count(DISTINCT mark_key), min(length(mark_key)) FROM signing_keys";
        let found = store.query_row(lengths, [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(found.expect("a row"), (2, 64));
    }

    #[test]
    fn an_account_knows_a_member_of_before_by_what_it_has_named_and_else_by_what_everybody_sees() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &files()[..12] {
            store.execute_batch(file).expect("the schema before");
        }
        store
            .execute_batch(
                "INSERT INTO accounts (id, account_key, name, name_key, origin, created_at, updated_at)
                 VALUES (1, 'k', 'n', 'n', 'operator', 0, 0);
                 INSERT INTO people (id, uuid, origin, created_at, updated_at)
                 VALUES (1, '1', 'accounts', 0, 0), (2, '2', 'accounts', 0, 0), (3, '3', 'accounts', 0, 0), (4, '4', 'portal', 0, 0);
                 INSERT INTO addresses (key, address, person_id, proved_at) VALUES
                   ('old@e.com', 'old@e.com', 1, 1), ('new@e.com', 'new@e.com', 1, 2), ('asked@e.com', 'asked@e.com', 2, 1),
                   ('2@e.com', '2@e.com', 2, 2), ('said@e.com', 'said@e.com', 3, 1), ('3@e.com', '3@e.com', 3, 2),
                   ('bound@e.com', 'bound@e.com', 4, 1);
                 INSERT INTO memberships (account_id, person_id, known_as, status, entered_at, created_at, updated_at) VALUES
                   (1, 1, 1, 'active', 1, 0, 0), (1, 2, 2, 'invited', NULL, 0, 0), (1, 3, 3, 'active', 1, 0, 0),
                   (1, 4, 4, 'active', NULL, 0, 0);
                 INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at)
                 VALUES (x'00', 'invitation', 2, 1, 'asked@e.com', 'asked@e.com', 0, 0);
                 INSERT INTO records (uuid, account_id, email, email_key, created_at, updated_at)
                 VALUES ('r', 1, 'said@e.com', 'said@e.com', 0, 0);",
            )
            .expect("a directory");
        store.execute_batch(&files()[12]).expect("the migration");
        let mut rows = store.prepare("SELECT known_by FROM memberships ORDER BY person_id").expect("a query");
        let known: Vec<Option<String>> =
            rows.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts");
        let expected = [Some("new@e.com"), Some("asked@e.com"), Some("said@e.com"), None];
        assert_eq!(known.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn connectors_get_the_rank_of_their_maker_and_suspensions_count_as_from_above() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &files()[..3] {
            store.execute_batch(file).expect("the schema of 0.1");
        }
        let audit = |connector: i64, actor: &str, api: &str| {
            let sql = "INSERT INTO audit (at, actor, api, action, subject, subject_id, request_id)
                       VALUES (0, ?, ?, 'created', 'connectors', ?, 'r')";
            store.execute(sql, (actor, api, connector)).expect("a row");
        };
        store
            .execute_batch(
                "INSERT INTO accounts (id, owner_id, account_key, name, name_key, status, origin, created_at, updated_at)
                 VALUES (1, NULL, 'a', 'A', 'a', 'inactive', 'operator', 0, 0), (2, 1, 'b', 'B', 'b', 'inactive', 'accounts', 0, 0),
                        (3, 1, 'c', 'C', 'c', 'active', 'accounts', 0, 0);
                 INSERT INTO users (id, account_id, uuid, origin, created_at, updated_at)
                 SELECT value, 1, 'u' || value, 'accounts', 0, 0 FROM json_each('[1, 2, 3, 4]');
                 INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
                 VALUES (1, 1, 'active', 'accounts', 0, 0), (3, 2, 'active', 'accounts', 0, 0),
                        (3, 3, 'inactive', 'accounts', 0, 0), (2, 4, 'active', 'accounts', 0, 0);
                 INSERT INTO membership_roles (account_id, user_id, role)
                 VALUES (1, 1, 'owner'), (3, 2, 'manage'), (3, 2, 'admin'), (3, 3, 'owner'), (2, 4, 'owner');
                 INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
                 SELECT value, iif(value = 1, 1, 3), 'c' || value, '', '', '', 0, 0 FROM json_each('[1, 2, 3, 4, 5, 6, 7]');",
            )
            .expect("a directory");
        audit(1, "system", "oauth");
        audit(2, "user:1", "accounts"); // An owner of the account above.
        audit(3, "user:2", "accounts"); // An admin.
        audit(4, "user:3", "accounts"); // No active member any more.
        audit(5, "connector:1", "accounts");
        audit(6, "user:4", "accounts"); // An owner of another account.
        store.execute_batch(&files()[3]).expect("the migration");

        let lines = |sql: &str| -> Vec<String> {
            let mut statement = store.prepare(sql).expect(sql);
            statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts")
        };
        let ranks = lines("SELECT rank FROM connectors ORDER BY id");
        assert_eq!(ranks, ["owner", "owner", "admin", "manage", "manage", "manage", "manage"]);
        let suspended = lines("SELECT status || ' ' || suspended_from_above FROM accounts ORDER BY id");
        assert_eq!(suspended, ["active 0", "inactive 1", "active 0"]);
    }

    /// A directory of 0.1 with what its four doors wrote, and what was ambiguous in it.
    const DIRECTORY_OF_0_1: &str = "PRAGMA foreign_keys = ON;
        INSERT INTO accounts (id, owner_id, account_key, name, name_key, subdomain, origin, created_at, updated_at) VALUES
          (1, NULL, 'a', 'Operator', 'operator', NULL, 'operator', 0, 0), (2, 1, 'b', 'Acme', 'acme', NULL, 'accounts', 0, 0),
          (3, 1, 'c', 'Made', 'made', 'made', 'administration', 0, 0), (4, 1, 'd', 'Bound', 'bound', NULL, 'portal', 0, 0),
          (5, 1, 'e', 'Squat', 'squat', NULL, 'accounts', 0, 0);
        INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
        VALUES (1, 1, 'c', '', '', '', 0, 0);
        INSERT INTO users (id, account_id, uuid, username, username_key, email, email_key, email_verified, password_hash,
                           external_id, is_active, origin, created_at, updated_at) VALUES
          (1, 1, 'u1', 'a@e.com', 'a@e.com', 'a@e.com', 'a@e.com', 1, 'h', NULL, 1, 'operator', 0, 1),
          (2, 2, 'u2', NULL, NULL, 'owner@e.com', 'owner@e.com', 1, 'h', NULL, 1, 'accounts', 0, 2),
          (3, 2, 'u3', NULL, NULL, 'unproved@e.com', 'unproved@e.com', 0, 'h', NULL, 1, 'accounts', 0, 3),
          (4, 3, 'u4', 'admin@made.localhost', 'admin@made.localhost', NULL, NULL, 0, 'h', NULL, 1, 'administration', 0, 4),
          (5, 1, 'u5', 'jane', 'jane', 'jane@e.com', 'jane@e.com', 1, 'h', 'guid', 1, 'endpoint', 0, 5),
          (6, 1, 'u6', 'owner@e.com', 'owner@e.com', NULL, NULL, 0, 'h', NULL, 1, 'endpoint', 0, 6),
          (7, 1, 'u7', 'kiosk', 'kiosk', NULL, NULL, 0, NULL, NULL, 0, 'endpoint', 0, 7),
          (8, 1, 'u8', NULL, NULL, 'bound@e.com', 'bound@e.com', 0, NULL, NULL, 1, 'portal', 0, 8),
          (9, 2, 'u9', NULL, NULL, 'asleep@e.com', 'asleep@e.com', 1, 'h', NULL, 0, 'accounts', 0, 9),
          (10, 5, 'u10', NULL, NULL, 'squatted@e.com', 'squatted@e.com', 0, 'h', NULL, 1, 'accounts', 0, 10);
        INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at) VALUES
          (1, 1, 'active', 'operator', 0, 1), (2, 2, 'active', 'accounts', 0, 2), (2, 3, 'active', 'accounts', 0, 3),
          (1, 3, 'active', 'accounts', 0, 3), (3, 4, 'active', 'administration', 0, 4), (1, 5, 'active', 'accounts', 0, 5),
          (4, 8, 'active', 'portal', 0, 8), (2, 9, 'active', 'accounts', 0, 9), (2, 8, 'invited', 'accounts', 0, 8),
          (5, 10, 'active', 'accounts', 0, 10), (2, 10, 'invited', 'accounts', 0, 10), (4, 10, 'active', 'portal', 0, 10),
          (3, 10, 'active', 'accounts', 0, 10);
        INSERT INTO membership_roles (account_id, user_id, role) VALUES
          (1, 1, 'owner'), (2, 2, 'owner'), (2, 3, 'owner'), (1, 3, 'admin'), (3, 4, 'owner'), (1, 5, 'user'), (4, 8, 'user'),
          (2, 9, 'admin'), (2, 8, 'viewer'), (5, 10, 'owner'), (2, 10, 'manage'), (4, 10, 'user'), (3, 10, 'viewer');
        INSERT INTO user_identities VALUES (1, 'u', 8, 0), (1, 'v', 2, 0), (1, 'w', 10, 0);
        INSERT INTO user_bindings VALUES (1, 'u', 4, 0), (1, 'v', 4, 0), (1, 'w', 4, 0), (1, 'w', 5, 0);
        INSERT INTO one_time_tokens VALUES (x'01', 'invitation', 8, 2, 'bound@e.com', 8, 9),
          (x'04', 'invitation', 10, 2, 'squatted@e.com', 8, 9), (x'05', 'verify_email', 10, NULL, 'squatted@e.com', 8, 9);
        INSERT INTO refresh_tokens VALUES (x'02', 'f', NULL, 2, 2, '', 0, 9, NULL), (x'03', 'g', 1, NULL, NULL, '', 0, 9, NULL);
        INSERT INTO audit (at, actor, api, action, subject, subject_id, request_id)
        VALUES (9, 'user:1', 'accounts', 'created', 'users', 2, 'r');";

    #[test]
    fn a_directory_of_0_1_loses_no_sign_in_and_no_membership_and_lists_what_was_ambiguous() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        let files = files();
        for file in files[..4].iter().map(String::as_str).chain([DIRECTORY_OF_0_1]) {
            store.execute_batch(file).expect("a directory of 0.1");
        }
        store.execute_batch(&format!("BEGIN; {} COMMIT;", files[4])).expect("the migration");
        let lines = |sql: &str| -> Vec<String> {
            let mut statement = store.prepare(sql).expect(sql);
            statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts")
        };
        let signs_in = "SELECT p.id || ' ' || d.address FROM addresses d JOIN people p ON p.id = d.person_id
              WHERE d.proved_at IS NOT NULL AND p.password_hash IS NOT NULL
             UNION ALL SELECT person_id || ' ' || kind || ' ' || account_id || ' ' || name FROM usernames ORDER BY 1";
        let expected = [
            "1 a@e.com",
            "10 claim 5 squatted@e.com",
            "2 owner@e.com",
            "3 claim 2 unproved@e.com",
            "4 name 3 admin",
            "5 former 1 jane",
            "5 jane@e.com",
            "9 asleep@e.com",
        ];
        assert_eq!(lines(signs_in), expected);
        let memberships = "SELECT m.person_id || ' in ' || m.account_id || ' ' || m.status ||
                coalesce((SELECT ' ' || g.door || ':' || g.role FROM grants g
                           WHERE g.account_id = m.account_id AND g.person_id = m.person_id), '')
           FROM memberships m ORDER BY m.person_id, m.account_id";
        let expected = [
            "1 in 1 active founder:owner",
            "2 in 2 active accounts:owner",
            "2 in 4 removed",
            "3 in 1 awaiting accounts:admin",
            "3 in 2 active accounts:owner",
            "4 in 3 active administration:owner",
            "5 in 1 active accounts:user",
            "8 in 2 invited accounts:viewer",
            "8 in 4 active portal:user",
            "9 in 2 inactive accounts:admin",
            "10 in 3 awaiting accounts:viewer",
            "10 in 5 active accounts:owner",
            "11 in 2 invited accounts:manage",
            "11 in 4 active portal:user",
            "11 in 5 active portal:user",
        ];
        assert_eq!(lines(memberships), expected);
        assert_eq!(lines("SELECT uuid FROM records ORDER BY 1"), ["u5", "u6", "u7"]);
        assert_eq!(lines("SELECT uuid FROM people WHERE id IN (7, 8, 9)"), ["u8", "u9"], "a record is no person");
        let mailed = ["8 invitation bound@e.com", "11 invitation squatted@e.com", "10 verify_email squatted@e.com"];
        assert_eq!(lines("SELECT person_id || ' ' || purpose || ' ' || address FROM links"), mailed);
        let named = "SELECT p.confined || ' ' || d.address || ' ' || i.external_id FROM people p
                       JOIN addresses d ON d.person_id = p.id JOIN person_identities i ON i.person_id = p.id
                      WHERE p.id = 11 AND p.password_hash IS NULL AND d.proved_at IS NULL AND length(p.uuid) = 36";
        assert_eq!(lines(named), ["0 squatted@e.com w"], "whoever proves the address gets what was given to it");
        assert_eq!(lines("SELECT family FROM refresh_tokens ORDER BY 1"), ["f", "g"]);
        assert_eq!(lines("SELECT subject FROM audit WHERE action = 'created'"), ["people"]);
        let listed = "SELECT subject_id || ' ' || (detail ->> 'account') || ' ' || (detail ->> 'reason') FROM audit
                       WHERE action = 'migrated' ORDER BY subject_id, 1";
        let expected = [
            "2 4 the member was removed: a block, though a connector still binds the user",
            "3 1 the membership waits until the address is proved",
            "3 2 the address is not proved: the sign-in is confined to this account",
            "6 1 the username is somebody's address, and signs in no more",
            "9 2 the user was not active: a block in this account",
            "10 2 the membership was given to the address, and waits for whoever proves it",
            "10 3 the membership waits until the address is proved",
            "10 4 the membership was given to the address, and waits for whoever proves it",
            "10 5 the address is not proved: the sign-in is confined to this account",
        ];
        assert_eq!(lines(listed), expected);
        assert_eq!(lines("SELECT \"table\" FROM pragma_foreign_key_check"), [""; 0]);
    }

    #[test]
    fn addresses_that_become_one_mailbox_stay_with_whoever_proved_theirs_first() {
        run(async {
            drop(Connection::lease().await?);
            let sqlite = Sqlite::open().await?;
            for statement in [
                "INSERT INTO people (id, uuid, origin, created_at, updated_at) VALUES (1, 'u1', 'accounts', 0, 0), (2, 'u2', 'accounts', 0, 0)",
                "INSERT INTO addresses (key, address, person_id, proved_at) VALUES
                   ('p@\u{e4}.fi', 'p@\u{e4}.fi', 1, 1), ('p@xn--4ca.fi', 'p@xn--4ca.fi', 2, NULL),
                   ('a@m\u{fc}ller.de', 'a@m\u{fc}ller.de', 2, 2), ('a@xn--mller-kva.de', 'a@xn--mller-kva.de', 1, 1),
                   ('strasse@e.com', 'stra\u{df}e@e.com', 2, 2), ('b@e.com', 'b@e.com', 1, 1)",
            ] {
                sqlite.query(statement, &[])?;
            }
            compare_by_mailbox(&sqlite)?;
            let mut lines = Vec::new();
            for mut row in sqlite.query("SELECT key || ' ' || person_id AS line FROM addresses ORDER BY 1", &[])? {
                lines.push(row.take::<String>("line")?);
            }
            assert_eq!(lines, ["a@xn--mller-kva.de 1", "b@e.com 1", "p@xn--4ca.fi 1", "stra\u{df}e@e.com 2"]);
            let listed = sqlite.query("SELECT subject_id FROM audit WHERE action = 'migrated'", &[])?.pop();
            assert_eq!(listed.expect("a row").take::<i64>("subject_id")?, 2);
            Ok(())
        });
    }
}
