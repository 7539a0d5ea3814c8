//! Builds the components of an application that are out of date.
//!
//! A component is out of date if its file is missing or older than a file that its `watch` patterns match. A pattern is a
//! path below the manifest in which `*` stands for any part of a name and `**` for any directories.

use crate::manifest::{Build, Manifest};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

const TARGET: &str = "wasm32-wasip2";

/// Builds each component of the application that is out of date, with its build command.
///
/// # Errors
///
/// If the manifest is bad, a command fails or makes no component, or a component is missing and has no command.
pub fn build(manifest: &Path) -> Result<()> {
    let manifest = Manifest::read(manifest)?;
    for (name, component) in &manifest.components {
        let source = manifest.root.join(&component.source);
        let Some(build) = &component.build else { continue };
        if is_current(&source, &manifest.root, build) {
            continue;
        }
        let directory = manifest.root.join(build.workdir.as_deref().unwrap_or(Path::new("")));
        if build.command.contains(TARGET) {
            add_target(&directory)?;
        }
        eprintln!("accord: building {name}: {}", build.command);
        let started = SystemTime::now();
        let status = command("sh", &directory).arg("-c").arg(&build.command).status();
        let status = status.with_context(|| format!("cannot run the build command of {name}"))?;
        if !status.success() {
            bail!("the build of {name} failed ({status}): {}", build.command);
        }
        let made = std::fs::File::options().append(true).open(&source);
        let made = made.with_context(|| format!("the build of {name} made no {}", component.source.display()))?;
        // A build tool that had nothing to do leaves an old file. It is as new as what it was made from.
        if made.metadata()?.modified()? < started {
            made.set_modified(started)?;
        }
    }
    // Last: another component's command may have made the file.
    match manifest.components.iter().find(|(_, component)| !manifest.root.join(&component.source).is_file()) {
        Some((name, component)) => {
            bail!("the component {name} has no build command, and {} is missing", component.source.display())
        }
        None => Ok(()),
    }
}

/// Adds the target of components to the Rust toolchain, unless it has it.
fn add_target(directory: &Path) -> Result<()> {
    let mut rustc = command("rustc", directory);
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let printed = rustc.stdout(Stdio::piped()).stderr(Stdio::null()).output();
    let library = printed.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if !library.is_empty() && Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    eprintln!("accord: adding the target {TARGET} to the Rust toolchain");
    match command("rustup", directory).args(["target", "add", TARGET]).status() {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("the Rust target {TARGET} is missing and `rustup target add {TARGET}` failed: add it yourself"),
    }
}

/// A command without what an outer cargo, as in `cargo run`, says of the package that it runs. Its target directory is
/// left out too, because the manifest says where components are found.
fn command(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null()).stdout(std::io::stderr());
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let of_package = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_TARGET_TMPDIR", "CARGO_CRATE_NAME"];
        if of_package.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO" || name == "CARGO_TARGET_DIR" {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `source` is newer than all that it is made from.
fn is_current(source: &Path, root: &Path, build: &Build) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    let Ok(made) = modified(source) else { return false };
    let mut current = true;
    for pattern in &build.watch {
        let pattern: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        visit(root, &pattern, &mut |file| current &= modified(file).is_ok_and(|changed| changed <= made));
    }
    current
}

/// Calls `found` for every file below `directory` that the pattern matches.
fn visit(directory: &Path, pattern: &[&str], found: &mut dyn FnMut(&Path)) {
    let Some((first, rest)) = pattern.split_first() else { return };
    if *first == "**" {
        visit(directory, rest, found);
    } else if !first.contains('*') {
        let path = directory.join(first);
        return if rest.is_empty() && path.is_file() { found(&path) } else { visit(&path, rest, found) };
    }
    for path in entries(directory) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if *first == "**" {
                visit(&path, pattern, found);
            } else if matches(first, &name) {
                visit(&path, rest, found);
            }
        } else if rest.is_empty() && (*first == "**" || matches(first, &name)) {
            found(&path);
        }
    }
}

/// A directory's entries without hidden ones, symbolic links and what builds make.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let wanted = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        !(name.to_string_lossy().starts_with('.') || name == "target" || entry.path().is_symlink())
    };
    entries.filter(wanted).map(|entry| entry.path())
}

/// Whether `name` is the pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).filter(|&at| name.is_char_boundary(at)).any(|at| matches(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(root: &Path, pattern: &str) -> BTreeSet<String> {
        let parts: Vec<_> = pattern.split('/').collect();
        let mut found = BTreeSet::new();
        visit(root, &parts, &mut |file| {
            found.insert(file.strip_prefix(root).unwrap().display().to_string());
        });
        found
    }

    #[test]
    fn watch_patterns_match_as_globs_do() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for file in ["a.toml", "src/a.rs", "src/b.sql", "src/deep/er/c.rs", "target/d.rs", "src/.e.rs"] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        for (pattern, expected) in [
            ("a.toml", &["a.toml"][..]),
            ("*.toml", &["a.toml"]),
            ("src/*.rs", &["src/a.rs"]),
            ("src/**/*.rs", &["src/a.rs", "src/deep/er/c.rs"]),
            ("src/**/*", &["src/a.rs", "src/b.sql", "src/deep/er/c.rs"]),
            ("**/*.rs", &["src/a.rs", "src/deep/er/c.rs"]),
            ("src/**", &["src/a.rs", "src/b.sql", "src/deep/er/c.rs"]),
            ("none/**/*", &[]),
        ] {
            assert_eq!(files(root, pattern), expected.iter().map(ToString::to_string).collect(), "{pattern}");
        }
    }

    #[test]
    fn stars_match_within_a_name() {
        assert!(matches("*", "") && matches("a*c*", "abcd") && matches("*.rs", "a.b.rs"));
        assert!(!matches("*.rs", "a.rst") && !matches("a*", "ba"));
    }
}
