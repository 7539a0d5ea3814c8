//! `accord backup` and `accord restore`.

use crate::app::credentials;
use crate::app::manifest::Manifest;
use crate::app::runtime_config;
use crate::backup::{self, Kept};
use crate::cli::{From, State, find};
use crate::files;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Backup {
    /// The backup. It is as secret as the private signing keys and the hashes of passwords that are in it
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Restore {
    /// A file that `accord backup` made
    file: PathBuf,
    /// Put it in the place of what is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    place: Place,
}

/// Where an Accord keeps what it keeps.
#[derive(Args)]
struct Place {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
    /// Where databases and key-value stores are, as in Spin
    #[arg(long, value_name = "FILE")]
    runtime_config_file: Option<PathBuf>,
}

impl Place {
    /// The state directory, and what is kept.
    fn find(self) -> Result<(PathBuf, Kept)> {
        let state_dir = Manifest::of(find(self.from.manifest)?.as_deref())?.root.join(self.state.state_dir);
        let kept = runtime_config::kept(&state_dir, self.runtime_config_file.as_deref())?;
        Ok((state_dir, kept))
    }
}

pub(super) fn backup(Backup { file, place }: Backup) -> Result<()> {
    let (state_dir, kept) = place.find()?;
    let made = backup::create(&kept, &file)?;
    println!(
        "{}: {} bytes, read again and sound. The signing keys are in it: keep it secret.",
        file.display(),
        made.size
    );
    if credentials::file(&state_dir).exists() {
        println!("{} is not in it: keep a copy of that elsewhere.", credentials::file(&state_dir).display());
    }
    Ok(())
}

pub(super) fn restore(Restore { file, replace, place }: Restore) -> Result<()> {
    let (state_dir, kept) = place.find()?;
    let _lock = files::lock(&state_dir)?;
    let made = backup::restore(&file, &kept, replace)?;
    println!("Restored what was kept at {}, by Accord {}.", made.made_at, made.accord);
    if !credentials::file(&state_dir).exists() {
        println!(
            "Before the next start: put the credentials of the first start into {}, or give them as variables.",
            credentials::file(&state_dir).display()
        );
    }
    Ok(())
}
