//! What a release is made of. `tests/release/run` runs one.

use crate::{MANIFEST, accord, application, assert_fails};
use sha2_native::{Digest as _, Sha256};

/// A component with nothing in it (the preamble of WebAssembly's binary format, of a component).
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn components_are_compiled_under_names_that_have_their_digest() {
    let directory = application(MANIFEST);
    std::fs::write(directory.path().join("api.wasm"), EMPTY).unwrap();
    let output = accord(directory.path(), &["compile", "bundle"]);
    assert!(output.status.success(), "{output:?}");
    let bundle = directory.path().join("bundle");
    let mut names: Vec<_> = std::fs::read_dir(&bundle).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
    let [component, "spin.toml"] = names.as_slice() else { panic!("{names:?}") };
    let digest = component.strip_prefix("api.").and_then(|name| name.strip_suffix(".cwasm")).unwrap();
    assert_eq!(digest, format!("{:x}", Sha256::digest(std::fs::read(bundle.join(component)).unwrap())));
    assert_eq!(std::fs::read_to_string(bundle.join("spin.toml")).unwrap(), MANIFEST);
    // What is there may be another release's.
    let there = "cannot make the directory bundle: File exists (os error 17)";
    assert_fails(&accord(directory.path(), &["compile", "bundle"]), there);
}

#[test]
fn the_version_tells_the_commit_and_the_generation_of_spin() {
    let output = accord(std::path::Path::new("."), &["--version"]);
    let version = String::from_utf8(output.stdout).unwrap();
    assert!(version.starts_with(concat!("accord ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    assert!(version.ends_with(", for Spin 4.1)\n"), "{version}");
}
