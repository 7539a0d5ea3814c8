//! The application that a command runs: its manifest, its variables and where its data is.

use crate::app::build::build;
use crate::app::credentials::Credentials;
use crate::app::manifest::Manifest;
use crate::app::toml_file;
use crate::cli::{From, State, find};
use crate::config::Config;
use crate::log;
use anyhow::{Context as _, Result};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Application {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    state: State,
    /// The value of an application variable; `@FILE` reads many from a TOML file
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Where databases and key-value stores are, as in Spin
    #[arg(long, value_name = "FILE")]
    runtime_config_file: Option<PathBuf>,
    /// Run the components as they are
    #[arg(long)]
    no_build: bool,
}

/// An application that can be run once it is built.
pub(super) struct Prepared {
    /// With its variables, and not before it is ready.
    pub config: Config,
    pub manifest: Manifest,
    /// Those that this host made, if it did.
    pub credentials: Option<Credentials>,
}

impl Application {
    /// Reads what it is. Nothing is started.
    pub fn prepare(&self) -> Result<Prepared> {
        let path = find(self.from.manifest.clone())?;
        let manifest = Manifest::of(path.as_deref())?;
        let state_dir = manifest.root.join(&self.state.state_dir);
        let mut variables = from_environment(&manifest);
        let given = from_arguments(&self.variables)?;
        for argument in &self.variables {
            let name = argument.split_once('=').map_or("", |(name, _)| name);
            if !argument.starts_with('@') && manifest.variables.get(name).is_some_and(|variable| variable.secret) {
                log::say(format_args!(
                    "the list of processes shows {name} to everybody: give it by SPIN_VARIABLE_{} or by --variable @FILE",
                    name.to_uppercase()
                ));
            }
        }
        variables.extend(given);
        let credentials = Credentials::complete(&mut variables, &manifest, &state_dir)?;
        manifest.resolve(&variables)?;
        let mut config = Config::of(path, &state_dir);
        config.variables = variables;
        config.runtime_config.clone_from(&self.runtime_config_file);
        config.ask_ready = true;
        Ok(Prepared { config, manifest, credentials })
    }

    /// Builds what is out of date of it, unless it is to be run as it is.
    pub fn build(&self, config: &Config) -> Result<()> {
        match &config.manifest {
            Some(manifest) if !self.no_build => build(manifest),
            _ => Ok(()),
        }
    }
}

/// `SPIN_VARIABLE_<NAME>` for each of the manifest's variables, as Spin reads them.
fn from_environment(manifest: &Manifest) -> BTreeMap<String, String> {
    let value = |name: &String| std::env::var(format!("SPIN_VARIABLE_{}", name.to_uppercase())).ok();
    manifest.variables.keys().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

fn from_arguments(arguments: &[String]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for argument in arguments {
        if let Some(file) = argument.strip_prefix('@') {
            variables.extend(toml_file::read::<BTreeMap<String, String>>(Path::new(file))?);
        } else {
            // The value is not repeated: it may be a secret.
            let (name, value) = argument.split_once('=').context("--variable needs the form name=value")?;
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(variables)
}
