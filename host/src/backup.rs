//! Backups: what an Accord keeps, in one file, made while it is served.
//!
//! The file is a database of SQLite, so that every tool for one can look into it: a copy of the directory as it was at one
//! moment, the values of the key-value store (the private signing keys) in a table beside it, and a table that says what the
//! file is. It is written under another name, read again from end to end, and only then called as it is asked for: whatever
//! ends the process, under that name is a whole backup or the one of before.

use crate::files;
use anyhow::{Context as _, Result, bail};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use std::ffi::c_int;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// The form of the tables that make a database a backup.
const FORMAT: i64 = 1;

/// What makes a database a backup. The values are as in [`crate::spin::store`].
const TABLES: &str = "
    CREATE TABLE accord_backup (format INTEGER NOT NULL, made_at TEXT NOT NULL, accord TEXT NOT NULL);
    CREATE TABLE accord_backup_values (
        store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)
    );";

/// What is not called as it is asked for yet. After a power cut it may stay, and can go.
const UNFINISHED: &str = ".accord-backup-";

/// How long a lock of somebody else is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files that hold what an Accord keeps.
pub(crate) struct Kept {
    pub database: PathBuf,
    pub key_value: PathBuf,
}

/// What a backup says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Description {
    /// When it was made, by RFC 3339.
    pub made_at: String,
    /// The version of the host that made it.
    pub accord: String,
    /// Bytes.
    pub size: u64,
}

/// Writes a backup of `stores` into `file`, in place of the one that is there.
///
/// # Errors
///
/// If there is nothing to be kept, it cannot be read or written, or what was written is not sound. Then `file` is as it was.
pub(crate) fn create(stores: &Kept, file: &Path) -> Result<Description> {
    if !stores.database.exists() {
        bail!("{} is not there: it is made by the first `accord up`", stores.database.display());
    }
    let directory = directory_of(file);
    let unfinished = NamedTempFile::with_prefix_in(UNFINISHED, directory);
    let unfinished = unfinished.with_context(|| format!("cannot write to {}", directory.display()))?;
    let path = unfinished.path();
    // The directory first: a key is put into the store before the directory tells of it.
    copy(&stores.database, path).with_context(|| format!("cannot copy {}", stores.database.display()))?;
    let values = values(&stores.key_value, "spin_key_value");
    let values = values.with_context(|| format!("cannot read {}", stores.key_value.display()))?;
    complete(path, &values).with_context(|| format!("cannot write to {}", directory.display()))?;
    let description =
        describe(path).with_context(|| format!("what was written for {} is not sound", file.display()))?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(file).with_context(|| format!("cannot write {}", file.display()))?;
    sync_directory(directory)?;
    Ok(description)
}

/// Makes `stores` what the backup in `file` holds. Nobody may serve from them. What they hold is replaced only if that is meant.
///
/// # Errors
///
/// If `file` is no sound backup, `stores` hold a directory and `replace` is not set, or they cannot be written.
pub(crate) fn restore(file: &Path, stores: &Kept, replace: bool) -> Result<Description> {
    if stores.database.exists() && !replace {
        bail!(
            "{} is there already: --replace puts the backup in its place, and nothing of it stays",
            stores.database.display()
        );
    }
    if !file.is_file() {
        bail!("{} is not there, or is no file", file.display());
    }
    let description = describe(file).with_context(|| format!("{} is no sound backup", file.display()))?;
    let values = values(file, "accord_backup_values")?;
    let (database, key_value) = (directory_of(&stores.database), directory_of(&stores.key_value));
    files::private_directory(database)?;
    files::private_directory(key_value)?;
    let written = || format!("cannot write to {}", database.display());
    let restored = NamedTempFile::with_prefix_in(UNFINISHED, database).with_context(written)?;
    let keys = NamedTempFile::with_prefix_in(UNFINISHED, key_value)?;
    copy(file, restored.path()).with_context(written)?;
    strip(restored.path()).with_context(written)?;
    fill(keys.path(), &values).with_context(written)?;
    is_sound(&Connection::open_with_flags(restored.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    for (from, to) in [(keys, &stores.key_value), (restored, &stores.database)] {
        from.as_file().sync_all()?;
        forget_journals(to)?;
        from.persist(to).with_context(|| format!("cannot write {}", to.display()))?;
        sync_directory(directory_of(to))?;
    }
    Ok(description)
}

/// Copies a database that may be written to meanwhile: as it is at one moment, for a single step copies it, in one read
/// transaction. In WAL mode nobody waits for that.
pub(crate) fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(PATIENCE)?;
    let mut target = Connection::open(to)?;
    Backup::new(&source, &mut target)?.run_to_completion(c_int::MAX, Duration::from_millis(50), None)?;
    // One file: what is beside it would be left behind.
    target.pragma_update(None, "journal_mode", "DELETE")
}

type Value = (String, String, Vec<u8>);

/// What is in the key-value store of a file; nothing if there is no file, or no such store in it yet.
fn values(file: &Path, table: &str) -> rusqlite::Result<Vec<Value>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(PATIENCE)?;
    if !connection.table_exists(None, table)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&format!("SELECT store, key, value FROM {table} ORDER BY store, key"))?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn insert(connection: &Connection, table: &str, values: &[Value]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("INSERT INTO {table} (store, key, value) VALUES (?1, ?2, ?3)"))?;
    values.iter().try_for_each(|value| statement.execute((&value.0, &value.1, &value.2)).map(drop))
}

/// Makes the copy of a directory a backup.
fn complete(path: &Path, values: &[Value]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let made_at = format!("{:.0}", jiff::Timestamp::now());
    let parameters = (FORMAT, made_at, env!("CARGO_PKG_VERSION"));
    transaction.execute("INSERT INTO accord_backup (format, made_at, accord) VALUES (?1, ?2, ?3)", parameters)?;
    insert(&transaction, "accord_backup_values", values)?;
    transaction.commit()
}

/// Makes the copy of a backup a directory.
fn strip(path: &Path) -> rusqlite::Result<()> {
    // What was deleted is overwritten: the keys are not to stay in the directory's file.
    let strip = "PRAGMA secure_delete = ON; BEGIN; DROP TABLE accord_backup; DROP TABLE accord_backup_values; COMMIT;";
    Connection::open(path)?.execute_batch(strip)
}

/// Makes an empty file a key-value store.
fn fill(path: &Path, values: &[Value]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(crate::spin::store::TABLE)?;
    insert(&transaction, "spin_key_value", values)?;
    transaction.commit()
}

/// What a backup says of itself, if it is one and sound.
fn describe(path: &Path) -> Result<Description> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if !connection.table_exists(None, "accord_backup")? {
        bail!("it was not made by `accord backup`");
    }
    let row = connection.query_row("SELECT format, made_at, accord FROM accord_backup", (), |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
    });
    let (format, made_at, accord) = row?;
    if format != FORMAT {
        bail!("it was made by Accord {accord} in a form that this release does not know");
    }
    is_sound(&connection)?;
    Ok(Description { made_at, accord, size: path.metadata()?.len() })
}

/// Reads a database from end to end.
fn is_sound(connection: &Connection) -> Result<()> {
    let result: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if result != "ok" {
        bail!("{}", result.replace('\n', " "));
    }
    Ok(())
}

/// Removes what SQLite keeps beside a database, after it is in there: it would be taken for the next file's of this name.
fn forget_journals(path: &Path) -> Result<()> {
    if let Ok(connection) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // A database that is damaged is about to be replaced: there is nothing to lose.
        _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", beside.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until the names in a directory are on the disk.
fn sync_directory(path: &Path) -> Result<()> {
    Ok(File::open(path)?.sync_all()?)
}
