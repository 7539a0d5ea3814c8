//! Compiled components, kept on disk.
//!
//! To compile a component takes a second or more per megabyte, to load one that is compiled less than a millisecond. So
//! each is compiled once and kept under a name made of its own bytes and of all that the compiler's output depends on.

use crate::files;
use anyhow::{Context as _, Result, bail};
use sha2_native::{Digest as _, Sha256};
use std::hash::{Hash as _, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads the component in the file `source`, from `caches` if one of them has it compiled. Otherwise it is compiled, and
/// whoever waits is told `before`.
pub(crate) fn load(engine: &Engine, source: &Path, caches: &[PathBuf], before: impl FnOnce()) -> Result<Component> {
    let bytes = std::fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    let mut digest = Digest(Sha256::new_with_prefix(&bytes));
    engine.precompile_compatibility_hash().hash(&mut digest);
    let name = format!("{:x}.cwasm", digest.0.finalize());
    let kept = caches.iter().map(|cache| cache.join(&name));
    if let Some(component) = kept.clone().find_map(|file| map(engine, &file)) {
        return Ok(component);
    }
    before();
    let compiled = engine
        .precompile_component(&bytes)
        .map_err(|error| anyhow::anyhow!("{} is not a component this host can run: {error:#}", source.display()))?;
    for file in kept {
        if file.parent().is_some_and(|directory| std::fs::create_dir_all(directory).is_ok())
            && files::replace(&file, &compiled).is_ok()
            && let Some(component) = map(engine, &file)
        {
            return Ok(component);
        }
    }
    bail!("cannot keep compiled components in any of {caches:?}")
}

/// Loads a component that is compiled already and part of this program: `code`, with this digest. It is kept in `cache` too,
/// for there it is mapped and not copied.
pub(crate) fn load_compiled(engine: &Engine, digest: &str, code: &[u8], cache: &Path) -> Result<Component> {
    let file = cache.join(format!("{digest}.cwasm"));
    if let Some(component) = map(engine, &file) {
        return Ok(component);
    }
    files::private_directory(cache)?;
    files::replace(&file, code)?;
    map(engine, &file).with_context(|| format!("{} was compiled for another machine", file.display()))
}

/// Compiles a component for every processor of this kind, whatever this one has beyond that, and gives its digest too.
pub(crate) fn compile(engine: &Engine, source: &Path) -> Result<(String, Vec<u8>)> {
    let bytes = std::fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    let compiled = engine
        .precompile_component(&bytes)
        .map_err(|error| anyhow::anyhow!("{} is not a component this host can run: {error:#}", source.display()))?;
    Ok((format!("{:x}", Sha256::digest(&compiled)), compiled))
}

/// Gives memory back to the system that is free: to compile takes some hundred megabytes, and the C library keeps them.
pub(crate) fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "no crate has a safe way to ask for it")]
    // SAFETY: the call takes no pointer, and may be made at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Loads a compiled component, if the file is there and can be trusted.
fn map(engine: &Engine, path: &Path) -> Option<Component> {
    // Whoever can write this file decides what runs, as with every executable in `target`. Hence it must be a file that
    // nobody else may write.
    let metadata = std::fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || metadata.mode() & 0o022 != 0 {
        return None;
    }
    #[expect(unsafe_code, reason = "there is no safe way to load compiled code")]
    // SAFETY: the file must hold what `precompile_component` returned, unchanged. Its name is the digest of its source
    // and of the compiler's settings, or its own; it comes to be by a rename after it is wholly on the disk, is not modified
    // afterwards, and only its owner can replace it. Of the file itself the engine checks that its version and settings
    // are the engine's own.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

/// Lets what implements `Hash` be digested.
struct Digest(Sha256);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is read whole.
    fn finish(&self) -> u64 {
        0
    }
}
