//! The command line: `accord up` and `accord build`, with the options of `spin up` and `spin build` that apply, and
//! `accord token` and `accord mail`.

mod application;
mod backup;
mod compile;
mod migrate;
mod transfer;
mod up;

use crate::app::build::build;
use crate::app::bundle;
use crate::app::manifest::Manifest;
use crate::health;
use crate::log;
use crate::mail;
use crate::token;
use anyhow::{Context as _, Result, bail};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One account directory behind four published account APIs, on one machine.
///
/// `accord up` builds what is out of date, keeps its data in `.accord`, and serves port 3000 of this machine. The first start
/// makes an administrator and a connector. What they sign in with is in `.accord/credentials.toml`, readable by you alone,
/// and `accord token` gets a token with it. `accord` is a host for Spin applications: it runs the `spin.toml` here, without
/// Spin.
#[derive(Parser)]
#[command(name = "accord", version = env!("ACCORD_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Builds what is out of date and runs the application
    Up(up::Up),
    /// Builds the components that are out of date
    Build(From),
    /// Tells whether a running Accord can do its work
    Health(Health),
    /// Compiles the components for a release, into a directory
    #[command(hide = true)]
    Compile(compile::Compile),
    /// Prints an access token for the connector of the first start
    Token(Token),
    /// Writes what is kept into one file, also while it is served
    Backup(backup::Backup),
    /// Puts what a backup holds where an Accord keeps its data
    Restore(backup::Restore),
    /// Takes the whole directory out as lines of JSON, of any Accord, and goes on where it was
    Export(transfer::Transfer),
    /// Brings lines of an export into an Accord that is empty, and goes on where it was
    Import(transfer::Transfer),
    /// Brings the database to the schema of this release
    Migrate(migrate::Migrate),
    /// Prints the mails that wait in the outbox, with the secrets in their links
    Mail(Mail),
}

#[derive(Args)]
struct From {
    /// The manifest, or the directory that holds its `spin.toml` [default: a release has one in it; else here or above]
    #[arg(short, long = "from", value_name = "FILE")]
    manifest: Option<PathBuf>,
}

#[derive(Args)]
struct State {
    /// Where data is kept, relative to the manifest
    #[arg(long, value_name = "DIRECTORY", default_value = ".accord")]
    state_dir: PathBuf,
}

#[derive(Args)]
struct Token {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
    /// Where Accord is reached
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
}

#[derive(Args)]
struct Health {
    /// Where Accord is reached
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
}

#[derive(Args)]
struct Mail {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
}

/// Does what the arguments of the process say. An error is one line on standard error.
pub fn cli() -> ExitCode {
    match run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ");
            log::give_up(line);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let mut command = Cli::command().mut_subcommand("up", |up| up.after_help(variables()));
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        // Help and version.
        Err(message) if !message.use_stderr() => return Ok(message.print()?),
        Err(error) => {
            let text = error.to_string();
            // What follows the first paragraph is advice.
            let line = text.split("\n\n").next().unwrap_or_default();
            bail!("{} (see `accord --help`)", line.strip_prefix("error: ").unwrap_or(line));
        }
    };
    match cli.command {
        None => Ok(command.print_long_help()?),
        Some(Command::Build(from)) => match find(from.manifest)? {
            Some(manifest) => build(&manifest),
            None => Ok(()),
        },
        Some(Command::Compile(compile)) => compile::compile(compile),
        Some(Command::Up(up)) => up::up(&up),
        Some(Command::Backup(backup)) => backup::backup(backup),
        Some(Command::Restore(restore)) => backup::restore(restore),
        Some(Command::Export(export)) => transfer::export(&export),
        Some(Command::Import(import)) => transfer::import(&import),
        Some(Command::Migrate(migrate)) => migrate::migrate(&migrate),
        Some(Command::Token(Token { from, state, url })) => {
            let root = Manifest::of(find(from.manifest)?.as_deref())?.root;
            println!("{}", token::issue(&root.join(state.state_dir), &url)?);
            Ok(())
        }
        Some(Command::Health(Health { url })) => {
            let warnings = health::ask(&url)?;
            println!("{url} is ready.");
            for warning in warnings {
                println!("Warning: {warning}");
            }
            Ok(())
        }
        Some(Command::Mail(Mail { from, state })) => {
            let root = Manifest::of(find(from.manifest)?.as_deref())?.root;
            print!("{}", mail::waiting(&root.join(state.state_dir))?);
            Ok(())
        }
    }
}

/// The variables of the manifest that is here or above, for the help.
fn variables() -> String {
    let Ok(manifest) = find(None).and_then(|path| Manifest::of(path.as_deref())) else { return String::new() };
    let mut text = format!("Variables ({} says what they mean):\n", manifest.path.display());
    for (name, variable) in &manifest.variables {
        // Writing to a string does not fail.
        _ = match variable.default.as_deref() {
            None => writeln!(text, "  {name}"),
            Some(default) => writeln!(text, "  {name} [default: {default}]"),
        };
    }
    text
}

/// The manifest to use: the given one, else the one that is part of this program (`None`), else `spin.toml` here or in the
/// nearest directory above.
fn find(given: Option<PathBuf>) -> Result<Option<PathBuf>> {
    match given {
        Some(directory) if directory.is_dir() => Ok(Some(directory.join("spin.toml"))),
        Some(file) => Ok(Some(file)),
        None if bundle::is_there() => Ok(None),
        None => {
            let here = std::env::current_dir()?;
            let found = here.ancestors().map(|directory| directory.join("spin.toml")).find(|file| file.is_file());
            let found = found.context("there is no spin.toml here or above: name one with --from")?;
            Ok(Some(found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found)))
        }
    }
}
