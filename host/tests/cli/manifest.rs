//! What the manifest and the runtime configuration say.

use crate::{MANIFEST, accord, application, assert_fails};
use std::path::Path;

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
