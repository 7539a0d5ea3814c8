//! What is built, and when.

use crate::{MANIFEST, accord, application, assert_fails};
use std::process::Command;

#[test]
fn a_component_that_is_missing_or_no_component_is_named() {
    let directory = application(MANIFEST);
    assert_fails(
        &accord(directory.path(), &["build"]),
        "the component api has no build command, and api.wasm is missing",
    );
    let root = directory.path().canonicalize().unwrap();
    let up = ["up", "--no-build", "--listen", "127.0.0.1:0"];
    let expected = format!("cannot read {}: No such file or directory (os error 2)", root.join("api.wasm").display());
    assert_fails(&accord(&root, &up), &expected);
    std::fs::write(root.join("api.wasm"), "not WebAssembly").unwrap();
    let output = accord(&root, &up);
    let error = String::from_utf8_lossy(&output.stderr);
    let (compiling, error) = error.split_once('\n').unwrap();
    assert_eq!(compiling, "accord: compiling the component api, which takes some seconds once");
    let expected = format!("accord: {} is not a component this host can run: ", root.join("api.wasm").display());
    assert!(error.starts_with(&expected) && error.lines().count() == 1, "{error}");
}

#[test]
fn a_build_that_fails_is_one_line_after_its_own_output() {
    let build = "source = \"api.wasm\"\n[component.api.build]\ncommand = \"echo working; exit 3\"";
    let directory = application(&MANIFEST.replace("source = \"api.wasm\"", build));
    let output = accord(directory.path(), &["build"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "accord: building api: echo working; exit 3\nworking\n\
         accord: the build of api failed (exit status: 3): echo working; exit 3\n"
    );
    let directory = application(&MANIFEST.replace("source = \"api.wasm\"", &build.replace("; exit 3", "")));
    let output = accord(directory.path(), &["build"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.ends_with("accord: the build of api made no api.wasm: No such file or directory (os error 2)\n"),
        "{error}"
    );
}

#[test]
fn only_what_is_out_of_date_is_built() {
    let build = "source = \"api.wasm\"\n[component.api.build]\ncommand = \"cp api.rs api.wasm\"\nwatch = [\"*.rs\"]";
    let directory = application(&MANIFEST.replace("source = \"api.wasm\"", build));
    std::fs::write(directory.path().join("api.rs"), "").unwrap();
    let builds = || !accord(directory.path(), &["build"]).stderr.is_empty();
    assert!(builds(), "it was missing");
    assert!(!builds(), "it is current");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    std::fs::File::options().append(true).open(directory.path().join("api.rs")).unwrap().set_modified(later).unwrap();
    assert!(builds(), "its source changed");
}

#[test]
fn a_bad_watch_pattern_is_named() {
    let build = "source = \"api.wasm\"\n[component.api.build]\ncommand = \"touch api.wasm\"\nwatch = [\"src/[a\"]";
    let directory = application(&MANIFEST.replace("source = \"api.wasm\"", build));
    std::fs::write(directory.path().join("api.wasm"), "").unwrap();
    assert_fails(
        &accord(directory.path(), &["build"]),
        "the build of api: bad watch pattern `src/[a`: error parsing glob '[a': unclosed character class; missing ']'",
    );
}

/// Builds with a toolchain that has the target's library at `library`, and whose `rustup` does what the script says.
fn build_with(library: &str, rustup: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let build = "source = \"api.wasm\"\n[component.api.build]\ncommand = \"touch api.wasm # wasm32-wasip2\"";
    let directory = application(&MANIFEST.replace("source = \"api.wasm\"", build));
    for (name, script) in [("rustc", &*format!("echo {library}")), ("rustup", rustup)] {
        let file = directory.path().join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap_or_default());
    let mut build = Command::new(env!("CARGO_BIN_EXE_accord"));
    let output = build.current_dir(directory.path()).env("PATH", path).arg("build").output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_target_that_the_toolchain_has_is_not_added() {
    assert_eq!(build_with(".", "exit 1"), "accord: building api: touch api.wasm # wasm32-wasip2\n");
}

#[test]
fn a_missing_target_is_added_before_the_build_or_its_absence_said() {
    let added = "accord: adding the target wasm32-wasip2 to the Rust toolchain\n";
    assert_eq!(
        build_with("./missing", "echo rustup \"$@\""),
        format!("{added}rustup target add wasm32-wasip2\naccord: building api: touch api.wasm # wasm32-wasip2\n")
    );
    let failed = "accord: the Rust target wasm32-wasip2 is missing and `rustup target add wasm32-wasip2` failed: add it yourself\n";
    assert_eq!(build_with("./missing", "exit 1"), format!("{added}{failed}"));
}
