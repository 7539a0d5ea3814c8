//! What the command line says when it cannot do what it is told: one line that begins with `accord: `, and exit code 1.

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

#[test]
fn a_port_in_use_is_said_before_anything_is_built() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let directory = application(MANIFEST);
    let output = accord(directory.path(), &["up", "--listen", &address]);
    assert_fails(&output, &format!("cannot listen on {address}: Address already in use (os error 98)"));
}

#[test]
fn no_manifest_is_an_error_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let output = accord(directory.path(), &["up"]);
    assert_fails(&output, "there is no spin.toml here or above: name one with --from");
    let output = accord(directory.path(), &["build", "--from", "missing.toml"]);
    assert_fails(&output, "cannot read missing.toml: No such file or directory (os error 2)");
}

#[test]
fn an_error_in_the_manifest_names_file_and_line() {
    let directory = application(&MANIFEST.replace("source =", "sauce ="));
    let output = accord(directory.path(), &["up", "--listen", "127.0.0.1:0"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("accord: spin.toml:11: unknown field `sauce`"), "{error}");
    let directory = application(&MANIFEST.replace("component = \"api\"", "component = \"apo\""));
    let output = accord(directory.path(), &["build"]);
    assert_fails(&output, "spin.toml:9: route `/...` names the unknown component `apo`");
}

#[test]
fn the_manifest_is_also_found_from_a_directory_below() {
    let directory = application(&MANIFEST.replace("= 2", "= 1"));
    let below = directory.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let file = directory.path().canonicalize().unwrap().join("spin.toml");
    let expected = format!("{}:2: only spin_manifest_version 2 is supported", file.display());
    assert_fails(&accord(&below, &["up"]), &expected);
    let file = Path::new("../..").join("spin.toml");
    let expected = format!("{}:2: only spin_manifest_version 2 is supported", file.display());
    assert_fails(&accord(&below, &["up", "--from", "../.."]), &expected);
}

#[test]
fn a_missing_variable_is_named() {
    let directory = application(&MANIFEST.replace("default = \"none\"", "required = true"));
    let output = accord(directory.path(), &["up"]);
    assert_fails(&output, "the variable `token` is required: give it with --variable token=… or SPIN_VARIABLE_TOKEN");
}

#[test]
fn a_bad_variable_is_refused_without_repeating_it() {
    let directory = application(MANIFEST);
    assert_fails(&accord(directory.path(), &["up", "--variable", "secret"]), "--variable needs the form name=value");
    let output = accord(directory.path(), &["up", "--variable", "tokn=secret"]);
    assert_fails(&output, "spin.toml has no variable `tokn`");
    std::fs::write(directory.path().join("variables.toml"), "token = 1\n").unwrap();
    let output = accord(directory.path(), &["up", "--variable", "@variables.toml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("accord: variables.toml:1: invalid type: integer `1`"), "{error}");
}

#[test]
fn variables_come_from_the_environment_too() {
    let directory = application(&MANIFEST.replace("default = \"none\"", "required = true"));
    let mut up = Command::new(env!("CARGO_BIN_EXE_accord"));
    up.current_dir(directory.path()).env("SPIN_VARIABLE_TOKEN", "x").args(["up", "--listen", "127.0.0.1:0"]);
    assert_fails(&up.output().unwrap(), "the component api has no build command, and api.wasm is missing");
}

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
fn a_backend_on_another_machine_is_for_spin() {
    let directory = application(MANIFEST);
    std::fs::write(
        directory.path().join("runtime.toml"),
        "[sqlite_database.default]\ntype = \"libsql\"\nurl = \"https://example.com\"\ntoken = \"secret\"\n",
    )
    .unwrap();
    let up = ["up", "--no-build", "--listen", "127.0.0.1:0", "--runtime-config-file", "runtime.toml"];
    assert_fails(
        &accord(directory.path(), &up),
        "runtime.toml: `default` has the type `libsql`, but this host is for one machine and knows only `spin`, a file: \
         use Spin itself",
    );
}

#[test]
fn a_bad_argument_is_one_line() {
    let directory = application(MANIFEST);
    assert_fails(
        &accord(directory.path(), &["up", "--listen", "3000"]),
        "invalid value '3000' for '--listen <IP:PORT>': invalid socket address syntax (see `accord --help`)",
    );
    let output = accord(directory.path(), &["up", "--lisen", "3000"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("accord: unexpected argument '--lisen' found") && error.lines().count() == 1, "{error}");
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
