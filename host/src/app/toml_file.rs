//! TOML files, and what is wrong in them by file and line.

use anyhow::{Context as _, Result, anyhow};
use std::path::Path;
use toml::Spanned;

/// Something wrong at a place in a TOML text.
pub(crate) struct Fault {
    at: Option<usize>,
    message: String,
}

impl Fault {
    pub fn new<T>(place: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { at: Some(place.span().start), message: message.into() }
    }

    /// The error that names the file and, where there is one, the line. `text` is what the file at `path` holds.
    pub fn within(self, path: &Path, text: &str) -> anyhow::Error {
        match self.at.and_then(|at| text.get(..at)) {
            Some(before) => anyhow!("{}:{}: {}", path.display(), before.matches('\n').count() + 1, self.message),
            None => anyhow!("{}: {}", path.display(), self.message),
        }
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        Self { at: error.span().map(|span| span.start), message }
    }
}

/// Reads a TOML file into `T`; an error names the file and the line.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).map_err(|error| Fault::from(error).within(path, &text))
}
