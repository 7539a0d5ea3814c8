//! Programs of npm that tests use.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// The directory in which the packages of `source` are installed, below the workspace: at the first use, as its
/// `package-lock.json` has them.
pub fn installed(source: &str, name: &str) -> PathBuf {
    let (source, target) = (root().join(source), root().join("target").join(name));
    fs::create_dir_all(&target).expect("the directory can be made");
    // Another test may be about to install it, too. The lock goes with the file.
    let lock = File::create(target.join("lock")).expect("the file can be made");
    lock.lock().expect("the file can be locked");
    let wanted = fs::read(source.join("package-lock.json")).expect("the file can be read");
    if fs::read(target.join("installed")).ok().as_ref() != Some(&wanted) {
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            fs::copy(source.join(name), target.join(name)).expect("the file can be copied");
        }
        let npm = Command::new("npm").arg("ci").current_dir(&target).output();
        let output = npm.expect("some tests need Node.js 20 or later, with npm");
        assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(target.join("installed"), wanted).expect("the file can be written");
    }
    target.join("node_modules")
}
