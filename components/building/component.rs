//! The build script of every component that carries nothing compressed.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.toml");
    accord_building::link();
}
