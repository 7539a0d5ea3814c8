//! The schema: numbered SQL files, each applied once, by whoever comes first.
//!
//! What was applied is recorded in the table `migrations`, not in `user_version`, which libSQL lacks. A file that was
//! released is never edited again; a change is a new file.

use crate::error::{Error, Result};
use crate::store::patience;
use crate::store::sqlite::Sqlite;
use crate::values::time::Time;

/// Every file of `migrations/`, in order. The first is version 1.
const FILES: [&str; 5] = [
    include_str!("../migrations/0001_directory.sql"),
    include_str!("../migrations/0002_sign_up.sql"),
    include_str!("../migrations/0003_growth.sql"),
    include_str!("../migrations/0004_rank.sql"),
    include_str!("../migrations/0006_sessions.sql"),
];

/// Brings the database to the schema of this release, in one transaction.
///
/// # Errors
///
/// [`Error::Unavailable`] if a newer release made the database, whose schema this one does not know.
pub(crate) async fn migrate(sqlite: &Sqlite) -> Result<()> {
    // Nothing to do is the usual case, and costs one read.
    if version(sqlite).is_ok_and(|version| version == FILES.len()) {
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
        version if version == FILES.len() => Ok(()),
        version if version > FILES.len() => Err(NEWER),
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
    if applied > FILES.len() {
        return Err(NEWER);
    }
    for (file, version) in FILES.iter().zip(1_i64..).skip(applied) {
        for statement in statements(file) {
            sqlite.query(statement, &[])?;
        }
        sqlite.query(
            "INSERT INTO migrations (version, applied_at) VALUES (?, ?)",
            &[version.into(), Time::now().into()],
        )?;
    }
    Ok(())
}

/// The last version that was applied, 0 for none. An error if there is no table of versions yet.
fn version(sqlite: &Sqlite) -> Result<usize> {
    let row = sqlite.query("SELECT coalesce(max(version), 0) AS version FROM migrations", &[])?.pop();
    let version: i64 = row.map_or(Ok(0), |mut row| row.take("version"))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// The statements of a file: each ends with a semicolon at the end of a line. Spin runs one statement a call.
fn statements(file: &str) -> impl Iterator<Item = &str> {
    file.split_inclusive(";\n").filter(|statement| statement.contains(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_split_at_the_semicolons_that_end_a_line() {
        let file = "-- why; and how\nCREATE TABLE a (b TEXT DEFAULT ';') STRICT;\n\nCREATE INDEX c ON a(b);\n-- end\n";
        let split: Vec<_> = statements(file).collect();
        assert_eq!(split.len(), 2);
        assert!(split[1].trim_start().starts_with("CREATE INDEX"));
    }

    #[test]
    fn connectors_get_the_rank_of_their_maker_and_suspensions_count_as_from_above() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &FILES[..3] {
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
        store.execute_batch(FILES[3]).expect("the migration");

        let lines = |sql: &str| -> Vec<String> {
            let mut statement = store.prepare(sql).expect(sql);
            statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts")
        };
        let ranks = lines("SELECT rank FROM connectors ORDER BY id");
        assert_eq!(ranks, ["owner", "owner", "admin", "manage", "manage", "manage", "manage"]);
        let suspended = lines("SELECT status || ' ' || suspended_from_above FROM accounts ORDER BY id");
        assert_eq!(suspended, ["active 0", "inactive 1", "active 0"]);
    }

    #[test]
    fn sessions_go_on_and_may_belong_to_a_person_and_a_connector() {
        let store = rusqlite::Connection::open_in_memory().expect("a database");
        for file in &FILES[..4] {
            store.execute_batch(file).expect("the schema before");
        }
        store
            .execute_batch(
                "INSERT INTO accounts (id, account_key, name, name_key, origin, created_at, updated_at)
                 VALUES (1, 'a', 'A', 'a', 'operator', 0, 0);
                 INSERT INTO users (id, account_id, uuid, origin, created_at, updated_at)
                 VALUES (1, 1, 'u', 'accounts', 0, 0);
                 INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
                 VALUES (1, 1, 'c', '', '', '', 0, 0);
                 INSERT INTO refresh_tokens (digest, family, connector_id, user_id, scopes, created_at, expires_at, used_at)
                 VALUES (x'01', 'f', 1, NULL, 's', 1, 2, NULL), (x'02', 'g', NULL, 1, '', 3, 4, 5);",
            )
            .expect("sessions");
        let rows = || -> Vec<String> {
            let sql = "SELECT concat_ws(' ', hex(digest), family, connector_id, user_id, scopes, created_at, expires_at, used_at)
                         FROM refresh_tokens ORDER BY digest";
            let mut statement = store.prepare(sql).expect(sql);
            statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts")
        };
        let before = rows();
        store.execute_batch(FILES.last().expect("a migration")).expect("the migration");
        assert_eq!(rows(), before);
        let insert = |connector: Option<i64>, person: Option<i64>| {
            let sql =
                "INSERT INTO refresh_tokens (digest, family, connector_id, user_id, scopes, created_at, expires_at)
                       VALUES (randomblob(8), 'h', ?, ?, '', 0, 0)";
            store.execute(sql, (connector, person))
        };
        assert!(insert(Some(1), Some(1)).is_ok());
        assert!(insert(None, None).is_err(), "it belongs to somebody");
    }
}
