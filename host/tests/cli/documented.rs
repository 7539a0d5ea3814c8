//! The commands of the pages for people are ones that the command line knows, with their options.

use crate::{MANIFEST, accord, application};
use std::path::Path;

/// Pages with commands in them.
const PAGES: [&str; 5] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/operate.md",
    "deploy/systemd/accord.service",
    "deploy/systemd/accord-backup.service",
];

/// The words of each command that begins with `accord`, or with `cargo run --`, in blocks of a shell, or as a unit starts it.
fn commands(page: &str) -> Vec<Vec<String>> {
    let text = page.replace("\\\n", " ");
    let mut is_shell = page.contains("[Service]");
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        }
        let line = line.trim_start_matches("ExecStart=").trim_start_matches("/usr/local/bin/");
        let line = line.strip_prefix("cargo run -- ").map_or_else(|| line.to_owned(), |rest| format!("accord {rest}"));
        if is_shell && line.starts_with("accord ") {
            let line = line.split(" #").next().unwrap_or_default();
            commands.push(line.split_whitespace().skip(1).map(str::to_owned).collect());
        }
    }
    commands
}

#[test]
fn every_command_and_option_that_the_pages_name_is_there() {
    let directory = application(MANIFEST);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut count = 0;
    for page in PAGES {
        for words in commands(&std::fs::read_to_string(root.join(page)).unwrap()) {
            let [command, rest @ ..] = words.as_slice() else { continue };
            if command == "--version" {
                continue;
            }
            let help = accord(directory.path(), &[command, "--help"]);
            assert!(help.status.success(), "{page}: accord {command}");
            let help = String::from_utf8(help.stdout).unwrap();
            for option in rest.iter().filter(|word| word.starts_with('-')) {
                let name = option.split('=').next().unwrap();
                assert!(help.contains(name), "{page}: accord {command} {option}");
            }
            count += 1;
        }
    }
    assert!(count > 8, "{count} commands are found");
}
