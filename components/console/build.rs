//! Compresses the files that the component carries: they are two thirds of it otherwise.

use std::fs;
use std::io::Result;

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
    accord_building::link();
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
        accord_building::pack(&format!("{file}.zlib"), &fs::read(file)?)?;
    }
    Ok(())
}
