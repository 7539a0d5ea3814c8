//! The Postman collection: it says what the description says, and runs green from top to bottom.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use accord_description::{keep, postman};
use accord_tests::{
    ADMIN_EMAIL, ADMIN_PASSWORD, Accord, CLIENT_ID, CLIENT_SECRET, Options, npm, root, skipped_on_spin,
};
use serde_json::Value;

const COLLECTION: &str = "deploy/postman/Accord.postman_collection.json";

const ENVIRONMENT: &str = "deploy/postman/Accord.postman_environment.json";

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_collection_is_what_the_description_says() {
    let description = read(&root().join("components/console/openapi.json"));
    keep(&format!("{}/{COLLECTION}", root().display()), &postman::collection(&description));
    keep(&format!("{}/{ENVIRONMENT}", root().display()), &postman::environment());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_that_a_first_start_writes_is_all_that_the_collection_wants() {
    if skipped_on_spin("it makes no credentials") {
        return;
    }
    let accord = Accord::start_with(Options { process: true, credentials: false, ..Options::default() }).await;
    let environment = accord.file("postman_environment.json");
    // The server answers a moment before it says so.
    while !environment.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let values = read(&environment)["values"].clone();
    let empty: Vec<_> = values.as_array().expect("values").iter().filter(|value| value["value"] == "").collect();
    assert!(empty.is_empty(), "{empty:?}");
    // Twice, as the README has it.
    run(&environment, &[]);
    run(&environment, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_collection_runs_green_from_top_to_bottom_and_again() {
    let accord = Accord::start().await;
    // The first token makes the operator account, whose key is looked up.
    accord.token().await;
    let account_key = accord.store().lines("SELECT account_key FROM accounts WHERE owner_id IS NULL").remove(0);
    let url = accord.url("");
    let variables = [
        ("public_url", url.as_str()),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("admin_email", ADMIN_EMAIL),
        ("admin_password", ADMIN_PASSWORD),
        ("admin_url", url.as_str()),
        ("account_key", account_key.as_str()),
        ("username", ADMIN_EMAIL),
        ("password", ADMIN_PASSWORD),
    ];
    run(&root().join(ENVIRONMENT), &variables);
    run(&root().join(ENVIRONMENT), &variables);
}

/// Runs the collection, every request of it, and fails with what newman told.
fn run(environment: &Path, variables: &[(&str, &str)]) {
    let report = tempfile::NamedTempFile::new().expect("there is a temporary directory");
    let mut newman = Command::new("node");
    newman
        .arg(npm::installed("deploy/postman", "postman").join("newman/bin/newman.js"))
        .arg("run")
        .arg(root().join(COLLECTION))
        .arg("-e")
        .arg(environment);
    newman.args(["--reporters", "cli,json", "--color", "off", "--reporter-json-export"]).arg(report.path());
    for (name, value) in variables {
        newman.arg("--env-var").arg(format!("{name}={value}"));
    }
    let output = newman.output().expect("the tests of the Postman collection need Node.js 20 or later");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let run = &read(report.path())["run"];
    assert_eq!(run["failures"], Value::Array(Vec::new()), "{told}");
    let collection = read(&root().join(COLLECTION));
    let folders = collection["item"].as_array().expect("folders");
    let requests: usize = folders.iter().map(|folder| folder["item"].as_array().expect("requests").len()).sum();
    assert_eq!(run["stats"]["requests"]["total"], requests, "{told}");
}
