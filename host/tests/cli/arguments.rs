//! What the arguments say.

use crate::{MANIFEST, accord, application, assert_fails};
use std::process::Command;

#[test]
fn a_port_in_use_is_said_before_anything_is_built() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let directory = application(MANIFEST);
    let output = accord(directory.path(), &["up", "--listen", &address]);
    assert_fails(&output, &format!("cannot listen on {address}: Address already in use (os error 98)"));
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
fn an_address_may_be_a_name_or_a_port_alone() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let directory = application(MANIFEST);
    for listen in [format!("localhost:{port}"), format!(":{port}")] {
        let output = accord(directory.path(), &["up", "--listen", &listen]);
        assert_fails(&output, &format!("cannot listen on 127.0.0.1:{port}: Address already in use (os error 98)"));
    }
}

#[test]
fn alone_it_says_what_it_is_and_succeeds() {
    let directory = application(MANIFEST);
    for arguments in [&[][..], &["--help"]] {
        let output = accord(directory.path(), arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["account directory", ".accord/credentials.toml", "accord token", "up Builds", "--help"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let output = accord(directory.path(), &["up", "--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.ends_with("  token [default: none]\n"), "{text}");
}

#[test]
fn a_bad_argument_is_one_line() {
    let directory = application(MANIFEST);
    assert_fails(
        &accord(directory.path(), &["up", "--listen", "3000"]),
        "invalid value '3000' for '--listen <HOST:PORT>': invalid socket address (see `accord --help`)",
    );
    let output = accord(directory.path(), &["up", "--lisen", "3000"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("accord: unexpected argument '--lisen' found") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_secret_among_the_arguments_is_warned_of() {
    let directory = application(&MANIFEST.replace("default = \"none\"", "default = \"\", secret = true"));
    std::fs::write(directory.path().join("variables.toml"), "token = \"x\"\n").unwrap();
    let missing = "accord: the component api has no build command, and api.wasm is missing\n";
    let warning = "accord: the list of processes shows token to everybody: give it by SPIN_VARIABLE_TOKEN or by --variable @FILE\n";
    for (variable, expected) in [("token=x", format!("{warning}{missing}")), ("@variables.toml", missing.to_owned())] {
        let output = accord(directory.path(), &["up", "--listen", "127.0.0.1:0", "--variable", variable]);
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected, "{variable}");
    }
}
