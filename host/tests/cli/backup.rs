//! `accord backup` and `accord restore`, with stores that the test makes.

use crate::{MANIFEST, accord, application, assert_fails};
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An application with a state directory in which there is something to keep.
fn kept() -> (TempDir, PathBuf) {
    let directory = application(MANIFEST);
    let state = directory.path().canonicalize().unwrap().join(".accord");
    std::fs::create_dir(&state).unwrap();
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    store.pragma_update(None, "journal_mode", "WAL").unwrap();
    store.execute_batch("CREATE TABLE things (name TEXT) STRICT; INSERT INTO things VALUES ('a'), ('b')").unwrap();
    // The log of what was written goes when its last connection does. This one's is a process that was killed.
    std::mem::forget(store);
    let keys = Connection::open(state.join("sqlite_key_value.db")).unwrap();
    keys.execute_batch(
        "CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key));
         INSERT INTO spin_key_value VALUES ('default', 'signing-key/1', x'00ff')",
    )
    .unwrap();
    (directory, state)
}

fn told(directory: &Path, arguments: &[&str]) -> String {
    let output = accord(directory, arguments);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn names(state: &Path) -> String {
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    store.query_row("SELECT group_concat(name ORDER BY name) FROM things", (), |row| row.get(0)).unwrap()
}

fn key(state: &Path) -> Vec<u8> {
    let keys = Connection::open(state.join("sqlite_key_value.db")).unwrap();
    keys.query_row("SELECT value FROM spin_key_value WHERE store = 'default' AND key = 'signing-key/1'", (), |row| {
        row.get(0)
    })
    .unwrap()
}

/// What is left of files that are not finished.
fn unfinished(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_string_lossy().starts_with(".accord-backup-")).count()
}

#[test]
fn what_was_kept_is_there_again_elsewhere() {
    let (directory, _state) = kept();
    let backup = directory.path().join("backup.db");
    let said = told(directory.path(), &["backup", "backup.db"]);
    assert!(
        said.starts_with("backup.db: ")
            && said.ends_with(" read again and sound. The signing keys are in it: keep it secret.\n")
    );
    assert_eq!(backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(unfinished(directory.path()), 0);
    let inside = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(inside, 3, "the manifest, the state and the backup: no journals");

    let elsewhere = application(MANIFEST);
    let state = elsewhere.path().canonicalize().unwrap().join(".accord");
    let said = told(elsewhere.path(), &["restore", &backup.display().to_string()]);
    assert!(said.starts_with("Restored what was kept at 2"), "{said}");
    assert!(said.contains("/credentials.toml, or give them as variables."), "{said}");
    assert_eq!((names(&state), key(&state)), ("a,b".to_owned(), vec![0, 255]));
    for (path, mode) in
        [(state.clone(), 0o700), (state.join("sqlite_db.db"), 0o600), (state.join("sqlite_key_value.db"), 0o600)]
    {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    assert!(
        !store.table_exists(None, "accord_backup").unwrap()
            && !store.table_exists(None, "accord_backup_values").unwrap()
    );
    assert_eq!(unfinished(&state), 0);
}

#[test]
fn what_is_there_is_replaced_only_if_that_is_meant_and_nothing_of_it_stays() {
    let (directory, state) = kept();
    told(directory.path(), &["backup", "backup.db"]);
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    store.execute_batch("DELETE FROM things; INSERT INTO things VALUES ('later')").unwrap();
    // It stays in the log beside the file, as it would by a power cut.
    std::mem::forget(store);
    let there = format!(
        "{}/sqlite_db.db is there already: --replace puts the backup in its place, and nothing of it stays",
        state.display()
    );
    assert_fails(&accord(directory.path(), &["restore", "backup.db"]), &there);
    assert_eq!(names(&state), "later");
    told(directory.path(), &["restore", "backup.db", "--replace"]);
    assert_eq!(names(&state), "a,b");
    let wal = state.join("sqlite_db.db-wal");
    assert!(!wal.exists() || wal.metadata().unwrap().len() == 0, "no log of before is taken for this one's");
    // Also where nothing of it can be read any more.
    std::fs::write(state.join("sqlite_db.db"), "this is no database".repeat(1000)).unwrap();
    told(directory.path(), &["restore", "backup.db", "--replace"]);
    assert_eq!(names(&state), "a,b");
}

#[test]
fn what_is_no_sound_backup_is_refused_and_nothing_is_changed() {
    let (directory, state) = kept();
    told(directory.path(), &["backup", "backup.db"]);
    let bytes = std::fs::read(directory.path().join("backup.db")).unwrap();
    let refused = |file: &str, why: &str| {
        let output = accord(directory.path(), &["restore", file, "--replace"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with(&format!("accord: {file} {why}")) && error.lines().count() == 1, "{error}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!((names(&state), unfinished(&state)), ("a,b".to_owned(), 0));
    };
    refused("nowhere.db", "is not there, or is no file");
    refused(".accord", "is not there, or is no file");
    std::fs::write(directory.path().join("cut.db"), &bytes[..bytes.len() - 4096]).unwrap();
    refused("cut.db", "is no sound backup: ");
    let mut spoilt = bytes.clone();
    // The first table's page, past its head.
    spoilt[4096 + 8..4096 + 100].fill(0xff);
    std::fs::write(directory.path().join("spoilt.db"), spoilt).unwrap();
    refused("spoilt.db", "is no sound backup: ");
    std::fs::write(directory.path().join("text.db"), "this is no database".repeat(1000)).unwrap();
    refused("text.db", "is no sound backup: file is not a database");
    std::fs::copy(state.join("sqlite_key_value.db"), directory.path().join("other.db")).unwrap();
    refused("other.db", "is no sound backup: it was not made by `accord backup`");
    Connection::open(directory.path().join("backup.db"))
        .unwrap()
        .execute("UPDATE accord_backup SET format = 2", ())
        .unwrap();
    refused("backup.db", "is no sound backup: it was made by Accord ");
}

#[test]
fn nothing_to_back_up_and_no_place_for_it_are_one_line() {
    let directory = application(MANIFEST);
    let state = directory.path().canonicalize().unwrap().join(".accord");
    let missing = format!("{}/sqlite_db.db is not there: it is made by the first `accord up`", state.display());
    assert_fails(&accord(&directory.path().canonicalize().unwrap(), &["backup", "b.db"]), &missing);
    let (directory, _state) = kept();
    let output = accord(directory.path(), &["backup", "nowhere/b.db"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("accord: cannot write to nowhere: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_state_directory_that_is_served_is_left_alone() {
    let (directory, state) = kept();
    told(directory.path(), &["backup", "backup.db"]);
    let lock = std::fs::File::options().append(true).create(true).open(state.join("lock")).unwrap();
    lock.lock().unwrap();
    let served = format!("another process serves from {}", state.display());
    assert_fails(&accord(directory.path(), &["restore", "backup.db", "--replace"]), &served);
    told(directory.path(), &["backup", "backup.db"]);
}

#[test]
fn kill_9_in_the_middle_of_a_backup_leaves_the_one_of_before() {
    let (directory, state) = kept();
    told(directory.path(), &["backup", "backup.db"]);
    let store = Connection::open(state.join("sqlite_db.db")).unwrap();
    store
        .execute_batch(
            "CREATE TABLE large (bytes BLOB); INSERT INTO things VALUES ('c');
             WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
             INSERT INTO large SELECT randomblob(20000) FROM n;",
        )
        .unwrap();
    let mut killed = 0;
    for pause in [0, 1, 5, 20, 50] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accord"));
        command.current_dir(directory.path()).args(["backup", "backup.db"]).stdout(Stdio::null());
        let mut running = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while unfinished(directory.path()) == killed && Instant::now() < deadline {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(pause));
        running.kill().unwrap();
        if running.wait().unwrap().success() {
            break;
        }
        killed = unfinished(directory.path());
        let restored = application(MANIFEST);
        told(restored.path(), &["restore", &directory.path().join("backup.db").display().to_string()]);
        assert_eq!(names(&restored.path().join(".accord")), "a,b", "after {pause} ms");
    }
    assert!(killed > 0, "it was killed in the middle of one");
    told(directory.path(), &["backup", "backup.db"]);
    let restored = application(MANIFEST);
    told(restored.path(), &["restore", &directory.path().join("backup.db").display().to_string()]);
    assert_eq!(names(&restored.path().join(".accord")), "a,b,c");
}
