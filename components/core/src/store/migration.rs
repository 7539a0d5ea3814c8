//! The schema: numbered SQL files, each applied once, by whoever comes first.
//!
//! What was applied is recorded in the table `migrations`, not in `user_version`, which libSQL lacks. A file that was
//! released is never edited again; a change is a new file.

use crate::error::{Error, Result};
use crate::store::sqlite::Sqlite;
use crate::values::time::Time;

/// Every file of `migrations/`, in order. The first is version 1.
const FILES: [&str; 3] = [
    include_str!("../migrations/0001_directory.sql"),
    include_str!("../migrations/0002_sign_up.sql"),
    include_str!("../migrations/0003_growth.sql"),
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
    sqlite.execute("BEGIN IMMEDIATE", Vec::new()).await?;
    match apply(sqlite) {
        Ok(()) => sqlite.execute("COMMIT", Vec::new()).await.map(drop),
        Err(error) => {
            sqlite.query("ROLLBACK", &[])?;
            Err(error)
        }
    }
}

fn apply(sqlite: &Sqlite) -> Result<()> {
    sqlite.query(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
        &[],
    )?;
    // Read again under the lock: another instance may have been first.
    let applied = version(sqlite)?;
    if applied > FILES.len() {
        return Err(Error::Unavailable { retry_after: 60, reason: "the database was made by a newer release" });
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
}
