//! The first credentials of an Accord that was started without any.
//!
//! `accord up` has to work as it stands, and a manifest must not have secrets. So the first start makes the operator's
//! administrator and connector, keeps them in the state directory where only their owner may read them, and shows how to
//! use them without showing them.

use crate::app::manifest::Manifest;
use crate::app::toml_file;
use crate::files;
use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const ADMIN_EMAIL: &str = "admin_email";
const ADMIN_PASSWORD: &str = "admin_password";
const CLIENT_ID: &str = "bootstrap_client_id";
const CLIENT_SECRET: &str = "bootstrap_client_secret";
const ACCOUNT_KEY: &str = "bootstrap_account_key";
const NAMES: [&str; 4] = [ADMIN_EMAIL, ADMIN_PASSWORD, CLIENT_ID, CLIENT_SECRET];

/// The file that they are kept in.
const FILE: &str = "credentials.toml";

/// Credentials that this host made.
#[derive(Debug)]
pub(crate) struct Credentials {
    state_dir: PathBuf,
    kept: BTreeMap<String, String>,
}

impl Credentials {
    /// Adds the credentials to `variables` if the manifest wants them and none of them is given: those in `state_dir`, or
    /// new ones that are kept there.
    ///
    /// # Errors
    ///
    /// If some are given and some are not.
    pub fn complete(
        variables: &mut BTreeMap<String, String>,
        manifest: &Manifest,
        state_dir: &Path,
    ) -> Result<Option<Self>> {
        if !NAMES.iter().all(|name| manifest.variables.contains_key(*name)) {
            return Ok(None);
        }
        let missing: Vec<_> = NAMES.into_iter().filter(|name| !variables.contains_key(*name)).collect();
        match missing.as_slice() {
            [] => return Ok(None),
            _ if missing.len() == NAMES.len() => {}
            missing => bail!(
                "{} missing: give all of {} or none of them",
                missing.join(" and ") + if missing.len() == 1 { " is" } else { " are" },
                NAMES.join(", ")
            ),
        }
        files::private_directory(state_dir)?;
        let file = state_dir.join(FILE);
        if !file.exists() {
            // Of two first starts at the same time one makes the file, and both read it.
            files::create(&file, generate()?.as_bytes())?;
        }
        let kept = read(&file)?;
        let user = user(&kept);
        let quoted = user.replace('\\', "\\\\").replace('"', "\\\"");
        files::replace(&state_dir.join("curl.conf"), format!("user = \"{quoted}\"\n").as_bytes())?;
        // Those of a first start before there was a key have none.
        let known = |name: &str| NAMES.contains(&name) || name == ACCOUNT_KEY && manifest.variables.contains_key(name);
        let given = kept.iter().filter(|(name, _)| known(name)).map(|(name, value)| (name.clone(), value.clone()));
        variables.extend(given);
        Ok(Some(Self { state_dir: state_dir.to_owned(), kept }))
    }

    /// Where they are kept.
    pub fn file(&self) -> PathBuf {
        file(&self.state_dir)
    }

    /// Writes an environment for Postman beside them: every variable that the collection in `deploy/postman` wants, with its
    /// value for the server at `url`.
    pub fn write_postman(&self, url: &str) -> Result<()> {
        let of = |name: &str| self.kept.get(name).map_or("", String::as_str);
        let plain = [
            ("public_url", url),
            ("admin_url", url),
            ("client_id", of(CLIENT_ID)),
            ("admin_email", of(ADMIN_EMAIL)),
            ("username", of(ADMIN_EMAIL)),
            ("account_key", of(ACCOUNT_KEY)),
        ];
        let secret = [
            ("client_secret", of(CLIENT_SECRET)),
            ("admin_password", of(ADMIN_PASSWORD)),
            ("password", of(ADMIN_PASSWORD)),
        ];
        let value = |kind: &str, (key, value): (&str, &str)| json!({ "key": key, "value": value, "type": kind, "enabled": true });
        let values =
            plain.map(|both| value("default", both)).into_iter().chain(secret.map(|both| value("secret", both)));
        let environment = json!({
            "name": "Accord here", "values": values.collect::<Vec<_>>(), "_postman_variable_scope": "environment"
        });
        files::replace(&self.state_dir.join("postman_environment.json"), format!("{environment:#}\n").as_bytes())
    }

    /// Commands that get a token and try the portal's API. They name files with secrets, never the secrets, so that none
    /// is seen on the screen, in the shell's history or in the list of processes.
    pub fn session(&self, url: &str) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        let directory = self.state_dir.strip_prefix(&here).unwrap_or(&self.state_dir);
        let file = |name: &str| quote(&directory.join(name).display().to_string()).into_owned();
        let (client, token) = (file("curl.conf"), file("token.conf"));
        let mut session = format!(
            "The first credentials are in {}.\nSign in at {url}/sign-in with its {ADMIN_EMAIL} and {ADMIN_PASSWORD}. To try the \
             APIs:\n\n",
            file(FILE)
        );
        // Writing to a string does not fail.
        _ = write!(
            session,
            r#"  curl -sS -K {client} {url}/oauth/token -d grant_type=client_credentials |
    sed 's/.*"access_token":"\([^"]*\)".*/oauth2-bearer = "\1"/' > {token}
  curl -i -K {token} -X PATCH {url}/api/integrations/v1/accounts \
    -H 'Content-Type: application/json' -d '{{ "account_123": {{ "name": "Acme Ltd.", "id": "123456-8" }} }}'
  curl -i -K {token} -X PATCH {url}/api/integrations/v1/accounts/123456-8/users \
    -H 'Content-Type: application/json' -d '[ "user_001", "user_002" ]'
"#
        );
        session
    }
}

/// The file that they are kept in, in a state directory.
pub(crate) fn file(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE)
}

/// The connector's id and secret that are kept in `state_dir`, with a colon between them.
///
/// # Errors
///
/// If none are kept there.
pub(crate) fn client(state_dir: &Path) -> Result<String> {
    let file = state_dir.join(FILE);
    if !file.exists() {
        bail!("{} is not there: it is made by the first `accord up` without credentials", file.display());
    }
    Ok(user(&read(&file)?))
}

fn read(file: &Path) -> Result<BTreeMap<String, String>> {
    let kept: BTreeMap<String, String> = toml_file::read(file)?;
    match NAMES.iter().find(|name| !kept.contains_key(**name)) {
        Some(name) => bail!("{}: {name} is missing", file.display()),
        None => Ok(kept),
    }
}

fn user(kept: &BTreeMap<String, String>) -> String {
    format!("{}:{}", kept[CLIENT_ID], kept[CLIENT_SECRET])
}

fn generate() -> Result<String> {
    let mut random = [0; 80];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    let [a, b, c, d, rest @ ..] = random;
    let id = u32::from_be_bytes([a, b, c, d]);
    let (key, secrets) = rest.split_at(12);
    let (password, secret) = secrets.split_at(32);
    Ok(format!(
        "# Made by the first `accord up`. Keep it: the store knows only digests of the secrets.\n\
         {ADMIN_EMAIL} = \"admin@example.com\"\n{ADMIN_PASSWORD} = \"{}\"\n\
         {CLIENT_ID} = \"accord-{id:08x}\"\n{CLIENT_SECRET} = \"{}\"\n{ACCOUNT_KEY} = \"{}\"\n",
        URL_SAFE_NO_PAD.encode(password),
        URL_SAFE_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(key),
    ))
}

/// `text` as one word of a shell command. A text with a NUL stays as it is: no shell takes one, and no path has one.
fn quote(text: &str) -> Cow<'_, str> {
    shlex::try_quote(text).unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn manifest(directory: &Path) -> Manifest {
        let variables = NAMES.map(|name| format!("{name} = {{ required = true }}\n")).concat();
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[variables]\n{variables}[trigger]\nhttp = []\n"
        );
        let path = directory.join("spin.toml");
        std::fs::write(&path, text).unwrap();
        Manifest::read(&path).unwrap()
    }

    #[test]
    fn starts_at_the_same_time_agree_on_the_credentials() {
        let directory = tempfile::tempdir().unwrap();
        let (manifest, state) = (manifest(directory.path()), directory.path().join("state"));
        let start = || {
            let mut variables = BTreeMap::new();
            Credentials::complete(&mut variables, &manifest, &state).unwrap().unwrap();
            variables
        };
        let variables = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(variables.windows(2).all(|two| two[0] == two[1]));
        assert!(variables[0][CLIENT_ID].starts_with("accord-"));
        assert_eq!(variables[0][CLIENT_SECRET].len(), 43);
        for (path, mode) in
            [(&*state, 0o700), (&state.join("credentials.toml"), 0o600), (&state.join("curl.conf"), 0o600)]
        {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 2, "no temporary file stays");
    }

    #[test]
    fn some_but_not_all_is_an_error_that_names_the_missing() {
        let directory = tempfile::tempdir().unwrap();
        let mut variables: BTreeMap<_, _> = NAMES[..3].iter().map(|name| ((*name).to_owned(), String::new())).collect();
        let error = Credentials::complete(&mut variables, &manifest(directory.path()), directory.path()).unwrap_err();
        assert!(error.to_string().starts_with("bootstrap_client_secret is missing: "), "{error}");
        variables.insert(CLIENT_SECRET.to_owned(), String::new());
        assert!(
            Credentials::complete(&mut variables, &manifest(directory.path()), directory.path()).unwrap().is_none()
        );
    }

    #[test]
    fn the_session_shows_no_secret_and_quotes_paths() {
        let session = Credentials { state_dir: PathBuf::from("/a b/it's"), kept: BTreeMap::new() }
            .session("http://127.0.0.1:3000");
        assert!(
            session.contains("Sign in at http://127.0.0.1:3000/sign-in with its admin_email and admin_password."),
            "{session}"
        );
        assert!(
            session.contains(r#"curl -sS -K "/a b/it's/curl.conf" http://127.0.0.1:3000/oauth/token"#),
            "{session}"
        );
    }
}
