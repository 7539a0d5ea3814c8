//! Builds the components of an application that are out of date.
//!
//! A component is out of date if its file is missing or older than a file that its `watch` patterns match.

use crate::app::manifest::{Build, Manifest};
use crate::app::watch;
use crate::log;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
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
        if is_current(&source, &manifest.root, build).with_context(|| format!("the build of {name}"))? {
            continue;
        }
        let directory = manifest.root.join(build.workdir.as_deref().unwrap_or(Path::new("")));
        if build.command.contains(TARGET) {
            add_target(&directory)?;
        }
        log::say(format_args!("building {name}: {}", build.command));
        let started = SystemTime::now();
        // A shell runs the command, as Spin's does: commands have `&&`, variables and redirections in them.
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
    log::say(format_args!("adding the target {TARGET} to the Rust toolchain"));
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
fn is_current(source: &Path, root: &Path, build: &Build) -> Result<bool> {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    let Ok(made) = modified(source) else { return Ok(false) };
    for pattern in &build.watch {
        let mut files = watch::files(root, pattern).with_context(|| format!("bad watch pattern `{pattern}`"))?;
        if !files.all(|file| modified(&file).is_ok_and(|changed| changed <= made)) {
            return Ok(false);
        }
    }
    Ok(true)
}
