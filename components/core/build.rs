//! Compresses statements that are long and seldom needed. The migrations are a twentieth of a component otherwise, and are needed once, by
//! the first that finds no schema or an older one.

use std::fs;
use std::io::Result;

const FOLDER: &str = "src/migrations";
/// What brings back what was removed.
const RESTORED: &str = "src/entry/restored.sql";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let paths = fs::read_dir(FOLDER)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    // Their names begin with their numbers.
    let mut paths: Vec<_> = paths.into_iter().filter(|path| path.extension().is_some_and(|of| of == "sql")).collect();
    paths.sort();
    let files = paths.iter().map(fs::read_to_string).collect::<Result<Vec<_>>>()?;
    println!("cargo::rustc-env=MIGRATIONS={}", files.len());
    accord_building::pack("migrations.zlib", files.join("\0").as_bytes())?;
    println!("cargo::rerun-if-changed={RESTORED}");
    accord_building::pack("restored.zlib", &fs::read(RESTORED)?)
}
