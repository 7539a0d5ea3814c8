//! `accord compile`: what a release has in it. `just release` calls it.

use crate::app::manifest::Manifest;
use crate::cli::{From, find};
use crate::engine::{self, cache};
use crate::log;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Compile {
    /// The directory, which must not be there
    directory: PathBuf,
    #[command(flatten)]
    from: From,
}

pub(super) fn compile(Compile { directory, from }: Compile) -> Result<()> {
    let Some(path) = find(from.manifest)? else { bail!("a release is made from a work tree") };
    let manifest = Manifest::read(&path)?;
    std::fs::create_dir(&directory).with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let engine = engine::compiler()?;
    for (name, component) in &manifest.components {
        let (digest, code) = cache::compile(&engine, &manifest.root.join(&component.source))?;
        log::say(format_args!("{name}: {} bytes", code.len()));
        std::fs::write(directory.join(format!("{name}.{digest}.cwasm")), code)?;
    }
    std::fs::copy(&path, directory.join("spin.toml"))?;
    Ok(())
}
