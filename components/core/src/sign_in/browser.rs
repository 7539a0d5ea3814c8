//! Browsers in which people are signed in, so that they give the password once for all relying parties.
//!
//! A browser's session is a family of its own in the table of [`crate::sign_in::session`], and known by a secret that the
//! browser keeps in a cookie. Each sign-in makes another secret, so that nobody who has put one into a browser before is
//! signed in with it. The family's id is the `sid` of ID tokens, and no secret. What is begun in a browser ends when that
//! is signed out; a new password ends both.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::username;
use crate::auth::scope::Scopes;
use crate::auth::secret;
use crate::auth::token::{self, Sessions};
use crate::error::{Error, Result, Thing};
use crate::people::address;
use crate::setting;
use crate::sign_in::credentials::{Candidate, SignedIn, WRONG};
use crate::sign_in::session::{Entry, Holder, Kind, Origin, digest};
use crate::store::{Connection, Edit, Transaction};
use crate::values::id::PersonId;
use crate::values::time::Time;

/// A browser in which a person is signed in.
#[derive(Clone, Debug)]
pub struct Browser {
    /// The session's id, a UUID: the `sid` of ID tokens. It is no secret.
    pub id: String,
    /// The person, with no account chosen.
    pub person: SignedIn,
    /// When the person gave the password.
    pub authenticated_at: Time,
    /// When the session ends, unless it is ended before.
    pub expires_at: Time,
    /// What a form has to bring along, so that no other site's is taken for one of ours. It follows from the secret, and does
    /// not tell it. It changes with each sign-in.
    pub form_token: String,
}

impl Browser {
    /// The address by which the person signs in: the newest that is proved, or the one that the sign-up named.
    pub fn address(&self, connection: &Connection) -> Result<Option<String>> {
        let proved = address::list(connection, self.person.person_id)?.into_iter().find(|one| one.retired_at.is_none());
        let email = match proved {
            Some(proved) => Some(proved.email),
            None => username::claimed(connection, self.person.person_id)?,
        };
        Ok(email.map(|email| email.address))
    }
}

/// Signs a person in by a name and a password, under the same limits and with the same answers as at the token endpoint, and
/// returns the secret for the browser's cookie. A username is looked for in `account`: an id, a key or a subdomain. `current` is
/// who is signed in in the browser already: the same person's session goes on, with another secret; another person's ends.
///
/// # Errors
///
/// [`Error::Unauthenticated`] for an unknown person and a wrong password: the same for both, after the same time.
/// [`Error::TooManyRequests`], see [`crate::auth::throttle`].
pub async fn begin(
    connection: &Connection,
    name: &str,
    password: &str,
    account: Option<&str>,
    address: Option<IpAddr>,
    current: Option<&Browser>,
) -> Result<(String, Browser)> {
    let candidate = Candidate::find(connection, name, password, account).await?;
    let person = candidate.verify(connection, password, address).await?;
    let (secret, lifetime) = (secret::generate()?, setting::seconds("browser_session_lifetime").await?);
    let access_lifetime = setting::seconds("access_token_lifetime").await?;
    let holder = Holder::Person(person, None);
    let Holder::Person(person, _) = &holder else { return Err(WRONG) };
    let transaction = Transaction::begin().await?;
    let now = Time::now();
    transaction.run("DELETE FROM refresh_tokens WHERE expires_at <= ?", &[now.into()])?;
    let id = match current {
        Some(browser) if browser.person.person_id == person.person_id => {
            let before = "DELETE FROM refresh_tokens WHERE family = ? AND kind = 'browser'";
            transaction.run(before, &[browser.id.as_str().into()])?;
            browser.id.clone()
        }
        Some(browser) => {
            end_family(&transaction, &browser.id, now + access_lifetime)?;
            Uuid::new_v4().to_string()
        }
        None => Uuid::new_v4().to_string(),
    };
    let origin = Origin { authenticated_at: Some(now), browser: Some(id.clone()) };
    let scopes = Scopes::default();
    let entry =
        Entry { secret: &secret, kind: Kind::Browser, family: &id, holder: &holder, scopes: &scopes, lifetime, origin };
    let (statement, parameters) = entry.insertion();
    // Nothing is written if the password has changed since it was shown.
    if transaction.run(statement, &parameters)?.is_empty() {
        return Err(WRONG);
    }
    transaction.commit().await?;
    let form_token = form_token(&secret);
    let browser = Browser { id, person: person.clone(), authenticated_at: now, expires_at: now + lifetime, form_token };
    Ok((secret, browser))
}

/// Who is signed in in the browser of this secret, if anybody still is.
pub fn load(connection: &Connection, secret: &str) -> Result<Option<Browser>> {
    let row = connection.query_first(
        "SELECT t.family, t.authenticated_at, t.expires_at, p.id, p.uuid, p.password_version
           FROM refresh_tokens t JOIN people p ON p.id = t.person_id
          WHERE t.digest = ?1 AND t.kind = 'browser' AND t.expires_at > ?2 AND p.password_hash IS NOT NULL",
        &[digest(secret), Time::now().into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    let person = SignedIn {
        person_id: row.take("id")?,
        uuid: row.take("uuid")?,
        password_version: row.take("password_version")?,
        account_id: None,
    };
    Ok(Some(Browser {
        id: row.take("family")?,
        person,
        authenticated_at: row.take("authenticated_at")?,
        expires_at: row.take("expires_at")?,
        form_token: form_token(secret),
    }))
}

/// What the forms of a browser with this secret bring along, see [`Browser::form_token`]. It is also for a browser in which
/// nobody is signed in yet, and which has a random secret for its forms.
pub fn form_token(secret: &str) -> String {
    // The secret has 256 random bits: one SHA-256 over a label and it is as good as a MAC.
    URL_SAFE_NO_PAD.encode(secret::digest(format!("form {secret}").as_bytes()))
}

/// Signs a browser out, and ends what was begun in it: refresh tokens, codes, and the access tokens of these.
pub async fn end(connection: Connection, browser: &Browser) -> Result<()> {
    let lifetime = setting::seconds("access_token_lifetime").await?;
    let transaction = Transaction::begin_on(connection).await?;
    end_family(&transaction, &browser.id, Time::now() + lifetime)?;
    transaction.commit().await
}

/// As [`end`], of a browser's session by its id, in a transaction. `until` is when the last access token of it expires.
pub(super) fn end_family(transaction: &Transaction, id: &str, until: Time) -> Result<()> {
    token::revoke_sessions(transaction, Sessions::Browser(id), until)?;
    transaction.run("DELETE FROM refresh_tokens WHERE browser = ?", &[id.into()])?;
    Ok(())
}

/// Ends every session of a person, in whichever browser and through whichever connector, access tokens included.
pub async fn end_all(edit: &Edit, person_id: PersonId) -> Result<()> {
    let lifetime = setting::seconds("access_token_lifetime").await?;
    token::revoke_sessions(edit, Sessions::Person(person_id), Time::now() + lifetime)?;
    edit.run("DELETE FROM refresh_tokens WHERE person_id = ?", &[person_id.into()])?;
    edit.record("signed out everywhere", "people", &[(person_id, json!(null))]).await
}

/// A session of a person, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Whether it is a browser's. Others are of connectors, or of programs that asked for a token without one.
    pub is_browser: bool,
    /// What the connector is called that the person signed in through.
    pub connector: Option<String>,
    /// What the account is called that the person signed in to.
    pub account: Option<String>,
    /// When it was last used: the password given, or a refresh token.
    pub used_at: Time,
    /// When it ends by itself, unless it is used before.
    pub expires_at: Time,
}

/// How many sessions of one person are shown.
const SHOWN: i64 = 100;

/// The sessions of a person that can still be used, the last used first: at most a hundred.
pub fn list(connection: &Connection, person_id: PersonId) -> Result<Vec<Shown>> {
    let rows = connection.query(
        "SELECT t.family, t.kind = 'browser' AS is_browser, c.name AS connector, a.name AS account, t.created_at, t.expires_at
           FROM refresh_tokens t LEFT JOIN connectors c ON c.id = t.connector_id LEFT JOIN accounts a ON a.id = t.account_id
          WHERE t.person_id = ?1 AND t.kind <> 'code' AND t.used_at IS NULL AND t.expires_at > ?2
          ORDER BY t.created_at DESC LIMIT ?3",
        &[person_id.into(), Time::now().into(), SHOWN.into()],
    )?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Shown {
                id: row.take("family")?,
                is_browser: row.take("is_browser")?,
                connector: row.take("connector")?,
                account: row.take("account")?,
                used_at: row.take("created_at")?,
                expires_at: row.take("expires_at")?,
            })
        })
        .collect()
}

/// Ends one session of a person, by its id: a browser's with what was begun in it.
///
/// # Errors
///
/// [`Error::NotFound`] if the person has none of this id.
pub async fn end_one(edit: &Edit, person_id: PersonId, id: &str) -> Result<()> {
    let until = Time::now() + setting::seconds("access_token_lifetime").await?;
    let found = edit.run_first(
        "SELECT kind = 'browser' AS is_browser FROM refresh_tokens WHERE family = ?1 AND person_id = ?2",
        &[id.into(), person_id.into()],
    )?;
    let mut found = found.ok_or(Error::NotFound(Thing::Session))?;
    if found.take("is_browser")? {
        end_family(edit, id, until)?;
    } else {
        crate::sign_in::session::end(edit, id, setting::seconds("access_token_lifetime").await?)?;
    }
    edit.record("signed out", "people", &[(person_id, json!({ "session": id }))]).await
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::entry::first_start::tests::{author, first_start};
    use crate::people::person;
    use crate::store::native::run;

    /// What the settings of a sign-in are in the tests.
    pub(crate) fn configure() {
        for (name, value) in [
            ("browser_session_lifetime", "604800"),
            ("access_token_lifetime", "3600"),
            ("refresh_token_lifetime", "2592000"),
            ("failed_sign_in_limit", "10"),
        ] {
            setting::set(name, value);
        }
    }

    /// A browser in which the operator's administrator is signed in.
    pub(crate) async fn administrator(current: Option<&Browser>) -> Result<(String, Browser)> {
        let connection = Connection::lease().await?;
        begin(&connection, "admin@example.com", "correct horse battery staple", None, None, current).await
    }

    #[test]
    fn a_browser_is_known_by_its_secret_until_it_is_signed_out_or_the_password_changes() {
        run(async {
            first_start().await?;
            configure();
            let connection = Connection::lease().await?;
            let (secret, browser) = administrator(None).await?;
            let loaded = load(&connection, &secret)?.expect("somebody");
            assert_eq!((&loaded.id, loaded.person.person_id), (&browser.id, browser.person.person_id));
            assert_eq!((loaded.authenticated_at, &loaded.form_token), (browser.authenticated_at, &browser.form_token));
            assert_ne!(browser.form_token, secret);
            assert!(load(&connection, &browser.id)?.is_none() && load(&connection, "")?.is_none());
            assert!(crate::sign_in::session::find(&connection, &secret)?.is_none(), "it is no refresh token");

            end(Connection::lease().await?, &browser).await?;
            assert!(load(&connection, &secret)?.is_none());

            let (secret, browser) = administrator(None).await?;
            let edit = Edit::begin(author("accounts")).await?;
            person::set_password(&edit, browser.person.person_id, "$argon2id$").await?;
            edit.commit().await?;
            assert!(load(&connection, &secret)?.is_none());
            assert!(administrator(None).await.is_err(), "it is another password");
            Ok(())
        });
    }

    #[test]
    fn a_sign_in_makes_another_secret_and_keeps_the_session_of_the_same_person() {
        run(async {
            first_start().await?;
            configure();
            let connection = Connection::lease().await?;
            let (before, first) = administrator(None).await?;
            let (after, second) = administrator(Some(&first)).await?;
            assert_eq!(first.id, second.id);
            assert_ne!(first.form_token, second.form_token);
            assert!(load(&connection, &before)?.is_none(), "who has the old secret is out");
            assert!(load(&connection, &after)?.is_some());

            let other = Browser {
                person: SignedIn { person_id: crate::values::id::Id::from_number(99), ..second.person },
                ..second
            };
            let (_, third) = administrator(Some(&other)).await?;
            assert_ne!(third.id, other.id);
            assert!(load(&connection, &after)?.is_none(), "the other person's session ends");
            Ok(())
        });
    }

    #[test]
    fn a_person_sees_and_ends_the_sessions() {
        run(async {
            first_start().await?;
            configure();
            let connection = Connection::lease().await?;
            let (secret, browser) = administrator(None).await?;
            let (_, other) = administrator(None).await?;
            let person = browser.person.person_id;
            let holder = Holder::Person(browser.person.clone(), None);
            let (family, refresh_token) =
                crate::sign_in::session::begin(&connection, &holder, &Scopes::default()).await?;
            let ids: Vec<_> =
                list(&connection, person)?.into_iter().map(|shown| (shown.id, shown.is_browser)).collect();
            for expected in [(browser.id.clone(), true), (other.id.clone(), true), (family.clone(), false)] {
                assert!(ids.contains(&expected), "{ids:?}");
            }

            let edit = Edit::begin(author("accounts")).await?;
            let stranger = crate::values::id::Id::from_number(99);
            assert!(matches!(end_one(&edit, stranger, &browser.id).await, Err(Error::NotFound(Thing::Session))));
            end_one(&edit, person, &browser.id).await?;
            assert!(load(edit.connection(), &secret)?.is_none());
            assert_eq!(list(edit.connection(), person)?.len(), 2);
            end_all(&edit, person).await?;
            assert_eq!(list(edit.connection(), person)?, []);
            assert!(crate::sign_in::session::find(edit.connection(), &refresh_token)?.is_none());
            let revoked = edit.run("SELECT 1 FROM revoked_tokens WHERE jti = ?", &[family.as_str().into()])?;
            assert_eq!(revoked.len(), 1, "access tokens end as well");
            Ok(())
        });
    }
}
