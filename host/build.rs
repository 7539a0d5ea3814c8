//! Puts into the program what makes it a release: the application, compiled, and the commit that it was built from. Both are
//! given by `just release`; a build without them is one for a work tree.
//!
//! - `ACCORD_BUNDLE`: a directory that `accord compile` wrote.
//! - `ACCORD_COMMIT`: the commit.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// What of Spin the host stands in for.
const SPIN: &str = "Spin 4.1";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=ACCORD_BUNDLE");
    println!("cargo:rerun-if-env-changed=ACCORD_COMMIT");
    let commit = env::var("ACCORD_COMMIT").ok().filter(|commit| !commit.is_empty());
    let built_from = commit.map_or_else(|| "built from a work tree".to_owned(), |commit| format!("commit {commit}"));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    println!("cargo:rustc-env=ACCORD_VERSION={version} ({built_from}, for {SPIN})");

    let bundle = match env::var_os("ACCORD_BUNDLE") {
        Some(directory) if !directory.is_empty() => bundle(Path::new(&directory)),
        _ => "pub(super) const MANIFEST: Option<&str> = None;\nconst COMPONENTS: &[Compiled] = &[];\n".to_owned(),
    };
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("bundle.rs"), bundle).expect("cargo's directory can be written");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// The source of the constants that have a bundle in them. A component's file is called `COMPONENT.DIGEST.cwasm`.
fn bundle(directory: &Path) -> String {
    println!("cargo:rerun-if-changed={}", directory.display());
    let directory = directory.canonicalize().expect("ACCORD_BUNDLE is a directory");
    let mut source = format!(
        "pub(super) const MANIFEST: Option<&str> = Some(include_str!({:?}));\nconst COMPONENTS: &[Compiled] = &[\n",
        text(&directory.join("spin.toml"))
    );
    let entries = fs::read_dir(&directory).expect("it can be read").map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<_> =
        entries.filter(|file| file.extension().is_some_and(|extension| extension == "cwasm")).collect();
    files.sort();
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("its name is text");
        let (component, digest) = name.split_once('.').expect("its name is COMPONENT.DIGEST.cwasm");
        // Writing to a string does not fail.
        _ = writeln!(
            source,
            "    Compiled {{ component: {component:?}, digest: {digest:?}, code: include_bytes!({:?}) }},",
            text(&file)
        );
    }
    source + "];\n"
}
