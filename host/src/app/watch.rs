//! The files that a component is made from: those that a `watch` pattern matches.
//!
//! A pattern is a path relative to the manifest, in which `*` stands for any part of a name, `?` for one letter, `[ab]` for
//! one of those, `{a,b}` for either, and `**` for any directories. From its first such part on it passes over hidden files,
//! symbolic links and what builds make (`target`).

use globset::GlobBuilder;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The files that `pattern` matches.
///
/// # Errors
///
/// If it is not a pattern.
pub(crate) fn files(root: &Path, pattern: &str) -> Result<impl Iterator<Item = PathBuf>, globset::Error> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
    let (plain, wild) = parts.split_at(plain);
    // What comes before is found without looking around, and may be above the manifest (`../`).
    let start = root.join(plain.join("/"));
    let glob = GlobBuilder::new(&wild.join("/")).literal_separator(true).build()?.compile_matcher();
    let depth = if wild.iter().any(|part| part.contains("**")) { usize::MAX } else { wild.len() };
    let entries = WalkDir::new(&start).max_depth(depth).into_iter().filter_entry(is_source).flatten();
    let matches = move |path: &PathBuf| path.strip_prefix(&start).is_ok_and(|path| glob.is_match(path));
    Ok(entries.map(DirEntry::into_path).filter(matches).filter(|path| path.is_file()))
}

fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || name == "target" || entry.path_is_symlink())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn watch_patterns_match_as_globs_do() {
        let directory = tempfile::tempdir().unwrap();
        let root = &directory.path().join("app");
        for file in ["a.toml", "src/a.rs", "src/b.sql", "src/deep/er/c.rs", "target/d.rs", "src/.e.rs", "../f.toml"] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("a.rs", root.join("src/link.rs")).unwrap();
        for (pattern, expected) in [
            ("a.toml", &["a.toml"][..]),
            ("./a.toml", &["a.toml"]),
            ("../f.toml", &["../f.toml"]),
            ("target/d.rs", &["target/d.rs"]),
            ("*.toml", &["a.toml"]),
            ("src/*.rs", &["src/a.rs"]),
            ("src/?.{rs,sql}", &["src/a.rs", "src/b.sql"]),
            ("src/**/*.rs", &["src/a.rs", "src/deep/er/c.rs"]),
            ("src/**/*", &["src/a.rs", "src/b.sql", "src/deep/er/c.rs"]),
            ("**/*.rs", &["src/a.rs", "src/deep/er/c.rs"]),
            ("src/**", &["src/a.rs", "src/b.sql", "src/deep/er/c.rs"]),
            ("*/*/er/*", &["src/deep/er/c.rs"]),
            ("src", &[]),
            ("none/**/*", &[]),
        ] {
            let found = files(root, pattern).unwrap();
            let found = found.map(|file| file.strip_prefix(root).unwrap().display().to_string());
            let expected = expected.iter().map(ToString::to_string);
            assert_eq!(found.collect::<BTreeSet<_>>(), expected.collect(), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert!(files(Path::new(""), "src/[a").is_err());
    }
}
