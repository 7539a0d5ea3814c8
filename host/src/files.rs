//! Files that only their owner may read, written so that others see all of a file or nothing of it; and the lock of a state
//! directory.

use anyhow::{Context as _, Result, bail};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use tempfile::NamedTempFile;

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

/// Makes sure that no other process serves from a state directory, or puts a backup there, as long as the file is open: a queue
/// of writers and kept connections are for one.
pub(crate) fn lock(state_dir: &Path) -> Result<File> {
    private_directory(state_dir)?;
    let path = state_dir.join("lock");
    let file = File::options().append(true).create(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another process serves from {}", state_dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Writes a file, in place of the one that is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let replaced = temporary(path, bytes).and_then(|file| Ok(file.persist(path)?));
    replaced.with_context(|| format!("cannot write {}", path.display())).map(drop)
}

/// Writes a file, unless it is there. Of two that do so at the same time one succeeds, and both find the same file.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    match temporary(path, bytes).and_then(|file| Ok(file.persist_noclobber(path)?)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        created => created.with_context(|| format!("cannot write {}", path.display())).map(drop),
    }
}

/// Writes a file beside `path`, under a name that nobody else uses, and waits until it is on the disk. Only its owner may
/// read it.
fn temporary(path: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}
