//! `accord export` and `accord import`: the whole directory out of one Accord and into another, by the command line.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, command, root, skipped_on_spin};
use serde_json::{Value, json};

fn accord(arguments: &[&str]) -> Command {
    let mut command = command();
    let manifest = root().join("spin.toml").display().to_string();
    command.args(arguments).args(["--no-build", "--from", &manifest]).env("ACCORD_PASSWORD", ADMIN_PASSWORD);
    command
}

/// Runs a command to its end: what it prints, or why it does not succeed.
async fn run(mut command: Command) -> Result<String, String> {
    let done = tokio::task::spawn_blocking(move || command.output().expect("the program is there")).await;
    let output = done.expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

#[tokio::test]
async fn a_directory_moves_by_two_commands_however_often_they_are_killed() {
    if skipped_on_spin("the commands are the host's") {
        return;
    }
    let from = Accord::start().await;
    let token = from.token().await;
    let entries: serde_json::Map<String, Value> = (0..9000)
        .map(|n| (format!("e{n}"), json!({ "name": format!("Company {n}"), "id": format!("R-{n}") })))
        .collect();
    assert_eq!(from.patch_accounts(&token, &entries.into()).await.status, 200);
    let place = tempfile::tempdir().expect("a directory");
    let (file, home, again) =
        (place.path().join("all.ndjson"), place.path().join("home"), place.path().join("again.ndjson"));

    let url = from.url("");
    let said =
        run(accord(&["export", text(&file), "--url", &url, "--user", ADMIN_EMAIL])).await.expect("it is exported");
    let lines = std::fs::read_to_string(&file).expect("a file");
    let count = lines.lines().count();
    assert_eq!(
        said,
        format!("{}: {} lines. The hashes of all passwords are in it: keep it secret.\n", file.display(), count)
    );
    assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&place).expect("a directory").count(), 1, "nothing else stays");

    // What was begun of an export goes on, and what cannot be gone on with is begun anew.
    let (part, mark) = (place.path().join("again.ndjson.part"), place.path().join("again.ndjson.part.mark"));
    std::fs::write(&part, "{\"accord\"").expect("a file");
    std::fs::write(&mark, "not a mark").expect("a file");
    run(accord(&["export", text(&again), "--url", &url, "--user", ADMIN_EMAIL])).await.expect("it is exported");
    assert_eq!(std::fs::read_to_string(&again).expect("a file"), lines);
    assert!(!part.exists() && !mark.exists());

    // Killed in the middle, whichever that is, and given again.
    let import = || accord(&["import", text(&file), "--state-dir", text(&home)]);
    for patience in [400, 700, 1000] {
        let mut child = import().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program is there");
        tokio::time::sleep(Duration::from_millis(patience)).await;
        child.kill().expect("it is killed");
        child.wait().expect("it has ended");
    }
    match run(import()).await {
        Ok(brought) => assert!(brought.starts_with(&format!("{count} lines were brought in. ")), "{brought}"),
        // Then it was done before.
        Err(error) => assert!(error.starts_with("accord: not imported: "), "{error}"),
    }
    let further = accord(&["export", text(&again), "--state-dir", text(&home), "--user", ADMIN_EMAIL]);
    run(further).await.expect("it is exported");
    assert_eq!(std::fs::read_to_string(&again).expect("a file"), lines);
}

#[tokio::test]
async fn what_does_not_work_is_told_in_a_line() {
    if skipped_on_spin("the commands are the host's") {
        return;
    }
    let accord_that_runs = Accord::start().await;
    accord_that_runs.token().await;
    let (url, served) = (accord_that_runs.url(""), accord_that_runs.file("").display().to_string());
    let place = tempfile::tempdir().expect("a directory");
    let (file, home) = (place.path().join("a.ndjson"), place.path().join("home"));
    std::fs::write(&file, "{}\n").expect("a file");
    let file = text(&file);
    for (arguments, expected) in [
        (
            vec!["export", file, "--state-dir", &served],
            "accord: give --url for an Accord that runs: another process serves from ",
        ),
        (
            vec!["export", file, "--url", &url, "--user", "other@example.com"],
            "accord: not exported: the credentials are not right (401",
        ),
        (vec!["import", file, "--url", &url, "--user", ADMIN_EMAIL], "accord: not imported: line 1 is no row"),
        (
            vec!["import", "nowhere", "--url", &url, "--user", ADMIN_EMAIL],
            "accord: not imported: cannot read nowhere: ",
        ),
        (vec!["export", file, "--url", "https://127.0.0.1"], "accord: https://127.0.0.1 does not begin with http://"),
    ] {
        let more = if arguments.contains(&"--state-dir") { vec![] } else { vec!["--state-dir", text(&home)] };
        let error = run(accord(&[arguments.clone(), more].concat())).await.expect_err("it does not work");
        assert!(error.starts_with(expected) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
    assert_eq!(std::fs::read_to_string(file).expect("a file"), "{}\n", "the file of before stays");
}
