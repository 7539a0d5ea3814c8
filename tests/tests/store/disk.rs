//! The disk full, read-only, or with something else where the database was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use accord_tests::{Accord, Options, answer, skipped_on_spin};
use reqwest::Method;
use serde_json::json;

use super::outages::{COUNTED, Callers, OPERATIONS, operate};

/// The database, and what SQLite keeps beside it.
const FILES: [&str; 3] = ["sqlite_db.db", "sqlite_db.db-wal", "sqlite_db.db-shm"];

/// Every operation is `503`, and says when to come again. Those that need a token that came before are left out.
async fn all_are_refused(accord: &Accord, callers: &Callers) {
    for operation in OPERATIONS.into_iter().filter(|operation| !["refresh", "revoke"].contains(operation)) {
        let refused = operate(accord, callers, operation, 1).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{operation}: {refused}");
    }
    let ready = answer(accord.request(Method::GET, "/health/ready")).await;
    assert_eq!(ready.status, 503, "{ready}");
    assert_eq!(answer(accord.request(Method::GET, "/health/live")).await.status, 200);
}

#[tokio::test]
async fn a_database_that_is_garbage_is_503_at_every_operation_and_is_left_alone() {
    if skipped_on_spin("it has no server to stop in between") {
        return;
    }
    let mut accord = Accord::start().await;
    let callers = Callers::of(&accord).await;
    let before = accord.store().dump(&COUNTED);
    let garbage = "this is no database, and never was one".repeat(1000);
    accord
        .restart_after(|state| {
            for file in FILES.iter().filter(|file| state.join(file).exists()) {
                fs::rename(state.join(file), state.join(format!("{file}.kept"))).expect("it is moved");
            }
            fs::write(state.join(FILES[0]), &garbage).expect("a file");
        })
        .await;
    all_are_refused(&accord, &callers).await;
    accord
        .restart_after(|state| {
            assert_eq!(fs::read_to_string(state.join(FILES[0])).ok(), Some(garbage), "nobody has written into it");
            for file in FILES {
                let _ = fs::remove_file(state.join(file));
                let _ = fs::rename(state.join(format!("{file}.kept")), state.join(file));
            }
        })
        .await;
    assert_eq!(accord.store().dump(&COUNTED), before);
    assert_eq!(operate(&accord, &callers, "push accounts", 2).await.status, 200);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_what_was_acknowledged_and_needs_no_restart() {
    if skipped_on_spin("nobody limits its files") {
        return;
    }
    let accord = Accord::start_with(Options { process: true, ..Options::default() }).await;
    let callers = Callers::of(&accord).await;
    accord.limit_files(Some(300 << 10));
    let push = async |number: usize| {
        let name = "N".repeat(200);
        let body: serde_json::Value = (0..50)
            .map(|n| (format!("a{number}-{n}"), json!({ "name": name, "id": format!("r{number}-{n}") })))
            .collect();
        accord.patch_accounts(&callers.connector, &body).await
    };
    let mut acknowledged = 0;
    let refused = loop {
        let answer = push(acknowledged).await;
        if answer.status != 200 {
            break answer;
        }
        acknowledged += 1;
        assert!(acknowledged < 1000, "it is full at last");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{refused}");
    assert_eq!(operate(&accord, &callers, "get", 1).await.status, 200, "what is there can be read");
    let kept = || accord.store().number("SELECT count(*) FROM account_identities WHERE external_id LIKE 'a%-%'");
    assert_eq!(kept(), i64::try_from(acknowledged * 50).expect("a number"));
    accord.limit_files(None);
    assert_eq!(push(acknowledged).await.status, 200);
    assert_eq!(kept(), i64::try_from((acknowledged + 1) * 50).expect("a number"));
}

/// Runs the test that calls it again, in a process that permissions bind: root is bound by none unless it has given that up. False
/// where they bind already, or nobody can give it up.
fn ran_again_bound_by_permissions() -> bool {
    let give_up = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];
    let bound = || {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(give_up);
        setpriv
    };
    let shut = tempfile::tempdir().expect("there is a temporary directory");
    fs::set_permissions(shut.path(), Permissions::from_mode(0o500)).expect("it is ours");
    let probe = shut.path().join("probe");
    let is_refused =
        bound().arg("touch").arg(&probe).stderr(Stdio::null()).status().is_ok_and(|status| !status.success());
    if fs::write(&probe, "").is_err() || !is_refused {
        return false;
    }
    let thread = std::thread::current();
    let program = std::env::current_exe().expect("a process knows its program");
    let again = bound().arg(program).arg("--exact").arg(thread.name().expect("a test has a name")).output();
    let again = again.expect("setpriv is there");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    true
}

#[tokio::test]
async fn a_directory_that_nobody_may_write_is_503_and_is_as_it_was_once_somebody_may() {
    if skipped_on_spin("it has no server to stop in between") || ran_again_bound_by_permissions() {
        return;
    }
    let set = |state: &Path, (directory, file): (u32, u32)| {
        for name in FILES.iter().filter(|name| state.join(name).exists()) {
            fs::set_permissions(state.join(name), Permissions::from_mode(file)).expect("it is ours");
        }
        fs::set_permissions(state, Permissions::from_mode(directory)).expect("it is ours");
    };
    let mut accord = Accord::start().await;
    let callers = Callers::of(&accord).await;
    let before = accord.store().dump(&COUNTED);
    let mut home = PathBuf::new();
    accord.restart_after(|state| home = state.to_owned()).await;
    // A server does not start where it may not write, so it does so before.
    set(&home, (0o500, 0o400));
    if fs::write(home.join("probe"), "").is_err() {
        for operation in ["push accounts", "insert a record", "create", "make a customer"] {
            let refused = operate(&accord, &callers, operation, 1).await;
            assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{operation}: {refused}");
        }
    } else {
        eprintln!("skipped: no permission binds this user");
    }
    accord.restart_after(|state| set(state, (0o700, 0o600))).await;
    assert_eq!(accord.store().dump(&COUNTED), before);
    assert_eq!(operate(&accord, &callers, "push accounts", 2).await.status, 200);
}
