//! Compresses the files that the component carries: they are two thirds of it otherwise.

use std::io::{Result, Write as _};
use std::path::PathBuf;
use std::{env, fs};

use flate2::Compression;
use flate2::write::ZlibEncoder;

const FILES: [&str; 9] = [
    "openapi.json",
    "metadata.xml",
    "metadata.json",
    "reference.html",
    "guides/oauth.html",
    "guides/portal.html",
    "guides/endpoint.html",
    "guides/administration.html",
    "guides/accounts.html",
];

fn main() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to"));
    fs::create_dir_all(out.join("guides"))?;
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&fs::read(file)?)?;
        fs::write(out.join(format!("{file}.zlib")), packed.finish()?)?;
    }
    Ok(())
}
