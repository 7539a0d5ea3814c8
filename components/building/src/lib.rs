//! How components are built: what their linker is told, and what they carry compressed.

use std::io::{Read as _, Result, Write as _};
use std::path::PathBuf;
use std::{env, fs};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Has the linker of what is optimized for size write numbers as short as they are, and no names. It leaves room for the largest
/// otherwise, which is a sixteenth of a component. cargo leaves names to a package that has an optimization level of its own, whatever
/// `strip` says. `ACCORD_KEEPS_NAMES` keeps them: `strip` has to be `"debuginfo"` then, for the linker shortens nothing in debug
/// information.
pub fn link() {
    println!("cargo::rerun-if-env-changed=ACCORD_KEEPS_NAMES");
    let is_one_of = |name: &str, values: &[&str]| env::var(name).is_ok_and(|set| values.contains(&set.as_str()));
    if !is_one_of("CARGO_CFG_TARGET_FAMILY", &["wasm"]) || !is_one_of("OPT_LEVEL", &["s", "z"]) {
        return;
    }
    println!("cargo::rustc-link-arg-cdylib=--compress-relocations");
    if env::var_os("ACCORD_KEEPS_NAMES").is_none() {
        println!("cargo::rustc-link-arg-cdylib=--strip-all");
    }
}

/// Compresses a text for the component to carry, as `name` of the build's output.
pub fn pack(name: &str, text: &[u8]) -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to")).join(name);
    fs::create_dir_all(out.parent().expect("it is in the folder"))?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text)?;
    fs::write(out, packed.finish()?)
}

/// The text that [`pack`] has compressed.
///
/// # Panics
///
/// If it is another one: the build and the component are of one source.
#[must_use]
pub fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    ZlibDecoder::new(packed).read_to_string(&mut text).expect("the build has packed text");
    text
}
