//! What the command line says when it cannot do what it is told: one line that begins with `accord: `, and exit code 1.

mod arguments;
mod backup;
mod build;
mod documented;
mod health;
mod mail;
mod manifest;
mod release;
mod token;

use std::path::Path;
use std::process::{Command, Output};

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "example"
[variables]
token = { default = "none" }
[[trigger.http]]
route = "/..."
component = "api"
[component.api]
source = "api.wasm"
"#;

fn accord(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accord")).current_dir(directory).args(arguments).output().unwrap()
}

/// A directory with this manifest.
fn application(manifest: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("spin.toml"), manifest).unwrap();
    directory
}

#[track_caller]
fn assert_fails(output: &Output, expected: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.trim_end(), format!("accord: {expected}"), "one line");
    assert!(output.stdout.is_empty());
}
