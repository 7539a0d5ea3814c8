//! The application manifest, `spin.toml`: the parts of Spin's manifest version 2 that this host can honour.
//!
//! What it cannot honour it refuses by name and line, so that an application never runs with less than it asked for.

use crate::app::bundle;
use crate::app::toml_file::Fault;
use crate::spin::outbound::AllowedHosts;
use crate::spin::variables;
use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// A manifest that has been read and found consistent.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The file itself, as named in messages.
    pub path: PathBuf,
    /// The directory to which paths in the manifest are relative.
    pub root: PathBuf,
    /// What the application is called.
    pub name: String,
    pub variables: BTreeMap<String, Variable>,
    pub triggers: Vec<Trigger>,
    pub components: BTreeMap<String, Component>,
}

/// An application variable.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    pub secret: bool,
    #[serde(default, rename = "description")]
    _description: String,
}

/// One route and the component that answers it.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub route: String,
    pub component: String,
}

/// What a component is made of and what it may touch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    pub source: PathBuf,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    pub sqlite_databases: BTreeSet<String>,
    #[serde(default)]
    pub key_value_stores: BTreeSet<String>,
    #[serde(default)]
    variables: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    pub build: Option<Build>,
}

/// How a component is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub command: String,
    pub workdir: Option<PathBuf>,
    #[serde(default)]
    pub watch: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    spin_manifest_version: Spanned<u32>,
    application: Application,
    #[serde(default)]
    variables: BTreeMap<Spanned<String>, Variable>,
    trigger: Triggers,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<HttpTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    route: Spanned<String>,
    component: Spanned<String>,
}

impl Manifest {
    /// The manifest at `path`, or the one that is part of this program: its files are in the working directory.
    ///
    /// # Errors
    ///
    /// As [`Manifest::read`], or if there is none in this program.
    pub fn of(path: Option<&Path>) -> Result<Self> {
        match (path, bundle::MANIFEST) {
            (Some(path), _) => Self::read(path),
            (None, Some(text)) => {
                let (path, root) = (Path::new("the built-in spin.toml"), std::env::current_dir()?);
                Self::parse(text, root)
                    .map_err(|fault| fault.within(path, text))
                    .map(|manifest| Self { path: path.to_owned(), ..manifest })
            }
            (None, None) => bail!("there is no application in this program: name a spin.toml with --from"),
        }
    }

    /// Reads and checks the manifest at `path`.
    ///
    /// # Errors
    ///
    /// One line that begins with the file and, where there is one, the line in it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = std::path::absolute(parent.unwrap_or(Path::new(".")))?;
        Self::parse(&text, root)
            .map_err(|fault| fault.within(path, &text))
            .map(|manifest| Self { path: path.to_owned(), ..manifest })
    }

    fn parse(text: &str, root: PathBuf) -> Result<Self, Fault> {
        let document: Document = toml::from_str(text)?;
        let version = &document.spin_manifest_version;
        if *version.get_ref() != 2 {
            return Err(Fault::new(version, "only spin_manifest_version 2 is supported"));
        }
        for name in document.variables.keys() {
            variables::check_name(name.get_ref()).map_err(|message| Fault::new(name, message))?;
        }
        let variables: BTreeMap<_, _> =
            document.variables.into_iter().map(|(name, variable)| (name.into_inner(), variable)).collect();
        for component in document.component.values() {
            for template in component.variables.values().chain(&component.allowed_outbound_hosts) {
                let unknown =
                    |name: &str| (!variables.contains_key(name)).then(|| format!("unknown variable `{name}`"));
                parse_template(template.get_ref())
                    .and_then(|parts| parts.iter().find_map(|part| unknown(part.variable?)).map_or(Ok(()), Err))
                    .map_err(|message| Fault::new(template, message))?;
            }
        }
        let mut triggers = Vec::new();
        for HttpTrigger { route, component, .. } in document.trigger.http {
            if !document.component.contains_key(component.get_ref()) {
                let message =
                    format!("route `{}` names the unknown component `{}`", route.get_ref(), component.get_ref());
                return Err(Fault::new(&component, message));
            }
            crate::routes::check(route.get_ref()).map_err(|message| Fault::new(&route, message))?;
            triggers.push(Trigger { route: route.into_inner(), component: component.into_inner() });
        }
        let (name, components) = (document.application.name, document.component);
        Ok(Self { path: PathBuf::new(), root, name, variables, triggers, components })
    }

    /// The value of every application variable: the given one, else its default.
    ///
    /// # Errors
    ///
    /// If a value is given to a variable that the manifest does not have, or a required one has no value.
    pub fn resolve(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        if let Some(name) = given.keys().find(|name| !self.variables.contains_key(*name)) {
            bail!("{} has no variable `{name}`", self.path.display());
        }
        let mut values = BTreeMap::new();
        for (name, variable) in &self.variables {
            match given.get(name).or(variable.default.as_ref()) {
                Some(value) => _ = values.insert(name.clone(), value.clone()),
                None if variable.required => bail!(
                    "the variable `{name}` is required: give it with --variable {name}=… or SPIN_VARIABLE_{}",
                    name.to_uppercase()
                ),
                None => bail!(
                    "the variable `{name}` in {} has neither a default nor `required = true`",
                    self.path.display()
                ),
            }
        }
        Ok(values)
    }
}

impl Component {
    /// The component's own variables, with the application's `values` put into their templates.
    pub fn variables(&self, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let fill = |template: &Spanned<String>| fill_template(template.get_ref(), values);
        self.variables.iter().map(|(name, template)| (name.clone(), fill(template))).collect()
    }

    /// Where the component may send requests.
    pub fn outbound_hosts(&self, values: &BTreeMap<String, String>) -> Result<AllowedHosts> {
        let hosts = self.allowed_outbound_hosts.iter().map(|host| fill_template(host.get_ref(), values));
        AllowedHosts::parse(hosts).map_err(|message| anyhow!(message))
    }
}

/// A piece of a template: some text, then perhaps a variable's value.
struct Part<'a> {
    text: &'a str,
    variable: Option<&'a str>,
}

fn parse_template(template: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("{{") {
        let end = after.split_once("}}").filter(|(name, _)| !name.contains("{{"));
        let (name, after) = end.ok_or_else(|| format!("`{{{{` without `}}}}` in `{template}`"))?;
        parts.push(Part { text, variable: Some(name.trim()) });
        rest = after;
    }
    parts.push(Part { text: rest, variable: None });
    Ok(parts)
}

/// `template` with `values` for its variables. Templates are checked when the manifest is read.
fn fill_template(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    for Part { text, variable } in parse_template(template).unwrap_or_default() {
        filled.push_str(text);
        filled.push_str(variable.and_then(|name| values.get(name)).map_or("", String::as_str));
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "example"
[variables]
relay = { default = "mail.example.com" }
token = { required = true, secret = true }
[[trigger.http]]
route = "/api/..."
component = "api"
[component.api]
source = "api.wasm"
sqlite_databases = ["default"]
allowed_outbound_hosts = ["https://{{ relay }}"]
[component.api.variables]
mail = "https://{{ relay }}/send?via={{relay}}"
"#;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, PathBuf::from("/app"))
            .map_err(|fault| fault.within(Path::new("spin.toml"), text).to_string())
    }

    #[test]
    fn templates_mix_text_and_variables() {
        let manifest = parse(MANIFEST).unwrap();
        let given = BTreeMap::from([("token".to_owned(), "secret".to_owned())]);
        let values = manifest.resolve(&given).unwrap();
        let api = &manifest.components["api"];
        assert_eq!(api.variables(&values)["mail"], "https://mail.example.com/send?via=mail.example.com");
        assert!(api.outbound_hosts(&values).unwrap().allows("https", "mail.example.com", None));
    }

    #[test]
    fn a_required_variable_without_a_value_is_named() {
        let error = parse(MANIFEST).unwrap().resolve(&BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(error, "the variable `token` is required: give it with --variable token=… or SPIN_VARIABLE_TOKEN");
    }

    #[test]
    fn a_value_for_an_unknown_variable_is_refused() {
        let given = BTreeMap::from([("tokn".to_owned(), String::new())]);
        assert!(parse(MANIFEST).unwrap().resolve(&given).unwrap_err().to_string().ends_with("has no variable `tokn`"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (from, to, message) in [
            ("source = \"api.wasm\"", "source = \"api.wasm\"\nfiles = [\"a\"]", "spin.toml:13: unknown field `files`"),
            (
                "component = \"api\"",
                "component = \"apo\"",
                "spin.toml:10: route `/api/...` names the unknown component `apo`",
            ),
            ("route = \"/api/...\"", "route = { private = true }", "spin.toml:9: "),
            ("{{ relay }}/send", "{{ relais }}/send", "spin.toml:16: unknown variable `relais`"),
            ("{{ relay }}/send", "{{ relay /send", "spin.toml:16: `{{` without `}}`"),
            ("version = 2", "version = 1", "spin.toml:2: only spin_manifest_version 2 is supported"),
            ("relay = {", "Relay = {", "spin.toml:6: "),
            ("[application]", "[application", "spin.toml:3: "),
            ("/api/...", "/api/.../more", "spin.toml:9: "),
        ] {
            let error = parse(&MANIFEST.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with(message), "{to}: {error}");
        }
    }
}
