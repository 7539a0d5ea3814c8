//! Backups of an Accord that runs, and databases of releases before.

use std::path::Path;
use std::time::Duration;

use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Options, command, root, skipped_on_spin, upgrade};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

/// Runs the host's command line on a state directory, and gives what it prints.
fn accord(state: &Path, arguments: &[&str]) -> String {
    let output = command().args(arguments).arg("--state-dir").arg(state).output().expect("the program is there");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn a_backup_of_a_directory_that_is_written_to_is_of_one_moment_and_its_tokens_are_good() {
    if skipped_on_spin("it has no backups") {
        return;
    }
    let mut source = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let token = source.token().await;
    let entries = |batch: usize| -> Value {
        (0..50)
            .map(|n| {
                (format!("{batch}/{n}"), json!({ "name": format!("Company {batch}"), "id": format!("{batch}-{n}") }))
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for batch in 0..5 {
        assert_eq!(source.patch_accounts(&token, &entries(batch)).await.status, 200);
    }
    let requests: Vec<_> =
        (5..400).map(|batch| source.request_as(&token, Method::PATCH, ACCOUNTS).json(&entries(batch))).collect();
    let writing = tokio::spawn(async move {
        for request in requests {
            if request.send().await.is_err() {
                break;
            }
        }
    });
    let file = source.file("backup.db");
    let (state, into) = (source.file(""), file.display().to_string());
    for _ in 0..3 {
        let (state, into) = (state.clone(), into.clone());
        tokio::task::spawn_blocking(move || accord(&state, &["backup", &into])).await.expect("no panic");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!writing.is_finished(), "it was written to all the while");
    source.kill();
    writing.await.expect("the requests end");

    let restored = tempfile::tempdir().expect("a directory");
    accord(restored.path(), &["restore", &into]);
    source
        .restart_after(|state| {
            for name in ["sqlite_db.db", "sqlite_db.db-wal", "sqlite_db.db-shm", "sqlite_key_value.db"] {
                let _ = std::fs::remove_file(state.join(name));
            }
            for name in ["sqlite_db.db", "sqlite_key_value.db"] {
                std::fs::copy(restored.path().join(name), state.join(name)).expect("a copy");
            }
        })
        .await;
    let store = source.store();
    let halves = "SELECT count(*) FROM (SELECT name, count(*) AS n FROM accounts WHERE owner_id IS NOT NULL GROUP BY name HAVING n <> 50)";
    assert_eq!(store.number(halves), 0, "none is half there");
    assert!(store.number("SELECT count(*) FROM accounts") >= 5 * 50);
    assert_eq!(source.patch_accounts(&token, &entries(9999)).await.status, 200, "it knows the key that it signed with");
}

fn version(state: &Path) -> i64 {
    let store = Connection::open(state.join("sqlite_db.db")).expect("a database");
    store.query_row("SELECT max(version) FROM migrations", (), |row| row.get(0)).expect("a version")
}

#[tokio::test]
async fn a_database_of_a_release_before_is_migrated_once_it_was_seen_on_a_copy_what_that_does() {
    // Has the components built, as every other test does.
    drop(Accord::start().await);
    let state = tempfile::tempdir().expect("a directory");
    upgrade::restore(state.path());
    let manifest = root().join("spin.toml").display().to_string();
    let migrate = |more: &[&str]| {
        let arguments = [&["migrate", "--no-build", "--from", &manifest], more].concat();
        accord(state.path(), &arguments)
    };
    let would = migrate(&["--dry-run"]);
    assert!(would.starts_with("On a copy this release would migrate the schema from 3 to "), "{would}");
    assert!(would.contains("in the audit as `migrated`: the address is not proved"), "{would}");
    assert_eq!(version(state.path()), 3, "nothing happened");
    let left = std::fs::read_dir(state.path()).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    assert!(!left.map(|name| name.to_string_lossy().into_owned()).any(|name| name.starts_with(".accord-migrate")));

    let did = migrate(&[]);
    assert!(did.starts_with("Migrated the schema from 3 to "), "{did}");
    assert_eq!(would.lines().skip(1).collect::<Vec<_>>(), did.lines().skip(1).collect::<Vec<_>>());
    let again = migrate(&[]);
    assert!(again.starts_with("Nothing to do: the database has the schema of this release ("), "{again}");

    let store = Connection::open(state.path().join("sqlite_db.db")).expect("a database");
    store.execute("INSERT INTO migrations VALUES (1000, 0)", ()).expect("a version");
    for arguments in [&["migrate", "--no-build"][..], &["migrate", "--no-build", "--dry-run"]] {
        let refused = command().args(arguments).args(["--from", &manifest, "--state-dir"]).arg(state.path()).output();
        let error = String::from_utf8(refused.expect("the program is there").stderr).expect("text");
        assert_eq!(error, "accord: the application is not ready: the database was made by a newer release\n");
    }
}
