//! Files that only their owner may read, written so that others see all of a file or nothing of it.

use anyhow::{Context as _, Result};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes a directory that only its owner may look into, unless it is there.
pub(crate) fn private_directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the directory {}", path.display()))
}

/// Makes an empty file and its directory, unless they are there.
pub(crate) fn private_file(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), private_directory)?;
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    opened.with_context(|| format!("cannot write {}", path.display())).map(drop)
}

/// Writes a file, in place of the one that is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = temporary(path, bytes)
        .and_then(|temporary| std::fs::rename(&temporary, path).inspect_err(|_| _ = std::fs::remove_file(&temporary)));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file, unless it is there. Of two that do so at the same time one succeeds, and both find the same file.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let linked = temporary(path, bytes).and_then(|temporary| {
        let linked = std::fs::hard_link(&temporary, path);
        std::fs::remove_file(&temporary)?;
        linked
    });
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked.with_context(|| format!("cannot write {}", path.display())),
    }
}

/// Writes a file beside `path`, under a name that nobody else uses, and waits until it is on the disk.
fn temporary(path: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("{}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_extension(unique);
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let written = opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.inspect_err(|_| _ = std::fs::remove_file(&temporary))?;
    Ok(temporary)
}
