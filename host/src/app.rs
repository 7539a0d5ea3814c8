//! What the application's developer writes, and what is made of it before the application runs.

pub(crate) mod build;
pub(crate) mod bundle;
pub(crate) mod credentials;
pub(crate) mod manifest;
pub(crate) mod runtime_config;
pub(crate) mod toml_file;
mod watch;
