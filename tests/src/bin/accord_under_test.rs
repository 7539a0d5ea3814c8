//! The host's command line, built beside the tests that run it as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    accord::cli()
}
