//! Prints every module: its job, its floor and its lines.

use std::path::Path;

use accord_description::rooms;

fn main() -> std::io::Result<()> {
    for house in rooms::houses(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))? {
        println!("{}", house.table());
    }
    Ok(())
}
