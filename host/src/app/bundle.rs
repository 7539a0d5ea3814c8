//! The application that is part of this program, if it was built as a release: its manifest, and its components compiled for
//! every processor of this kind. See `host/build.rs`.

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// A component that is compiled.
pub(crate) struct Compiled {
    component: &'static str,
    /// The SHA-256 of `code`.
    pub digest: &'static str,
    /// What the engine made of it.
    pub code: &'static [u8],
}

/// Whether there is an application in this program.
pub(crate) fn is_there() -> bool {
    MANIFEST.is_some()
}

/// The component of this name.
pub(crate) fn find(component: &str) -> Option<&'static Compiled> {
    COMPONENTS.iter().find(|compiled| compiled.component == component)
}
