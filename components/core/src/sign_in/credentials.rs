//! Credentials of people: who a name and a password belong to, and which account is signed in to.

use std::net::IpAddr;

use crate::accounts::hierarchy::{self, BELONGS, LIVE};
use crate::accounts::{account, members};
use crate::auth::{secret, throttle};
use crate::error::{Error, Faults, Result, Unauthenticated};
use crate::people::person::NOT_RIGHT;
use crate::setting;
use crate::sign_in::password::PASSWORD_MAX;
use crate::store::{Actor, Author, Connection, Edit, still};
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::text;

/// The refusal of a name and a password that do not belong together.
pub(crate) const WRONG: Error = Error::Unauthenticated(Unauthenticated::InvalidCredentials);

/// Longest name that anybody signs in by, in characters.
const NAME_MAX: usize = 320;

/// A person who has shown the password, and the account to sign in to.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub person_id: PersonId,
    /// What the token names the person by.
    pub uuid: String,
    /// The version of the password.
    pub password_version: i64,
    /// The account, if the person has one.
    pub account_id: Option<AccountId>,
}

/// How a sign-in ended.
pub enum SignIn {
    /// The person is in.
    Done(SignedIn),
    /// The person has several accounts, and named none: id and name of each (the portal's document, its last paragraph on
    /// users).
    Select(Vec<(AccountId, String)>),
}

/// A name to sign in by, with what is said of the account beside it.
///
/// A username belongs to an account: it is given with the account's id, key or subdomain, or as `name@subdomain.base_domain`. A
/// proved address is nobody else's, and needs no account.
struct Name {
    /// What is compared.
    key: String,
    /// The account beside it: an id, a key or a subdomain.
    account: Option<String>,
    /// The same, if it is an id.
    account_id: Option<i64>,
}

impl Name {
    /// # Errors
    ///
    /// [`WRONG`] for what can be no name.
    async fn parse(name: &str, account: Option<&str>) -> Result<Self> {
        let name = text::clean(name, NAME_MAX).map_err(|_| WRONG)?;
        let key = Email::parse(&name).map_or_else(|_| text::lower(&name), |email| email.key);
        let base = setting::get("base_domain").await?.to_lowercase();
        let below = key.rsplit_once('@').and_then(|(name, domain)| {
            let subdomain = domain.strip_suffix(&base)?.strip_suffix('.')?;
            Some((name.to_owned(), subdomain.to_owned()))
        });
        if let Some((key, subdomain)) = below {
            return Ok(Self { key, account: Some(subdomain), account_id: None });
        }
        let account_id = account.and_then(|account| account.parse().ok());
        Ok(Self { key, account: account.map(str::to_owned), account_id })
    }

    /// What failures are counted by: a username with its account, however that is spelt, an address by itself. `account_id`
    /// is the account that was found.
    fn identity(&self, account_id: Option<AccountId>) -> String {
        match (&self.account, account_id) {
            (Some(_), Some(id)) if !self.key.contains('@') => format!("user:{}@{id}", self.key),
            // Of an account that is none nobody is a member: there is nothing to guess.
            (Some(_), None) if !self.key.contains('@') => format!("user:{}@", self.key),
            _ => format!("user:{}", self.key),
        }
    }
}

/// A person whose password is still to be checked, or nobody.
pub(crate) struct Candidate {
    /// What failures are counted by.
    identity: String,
    person: Option<SignedIn>,
    hash: Option<String>,
}

impl Candidate {
    /// Finds a person by a name, and what is said of the account: an id, a key or a subdomain.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for what can be no name or no password.
    pub async fn find(connection: &Connection, name: &str, password: &str, account: Option<&str>) -> Result<Self> {
        if password.len() > PASSWORD_MAX {
            return Err(WRONG);
        }
        let name = Name::parse(name, account).await?;
        // The name of somebody in the account comes first, then who has proved the address, then the newest who claims it.
        let mut row = connection.query_one(
            "SELECT wanted.id AS account, p.id, p.uuid, p.password_version, p.password_hash FROM (
                 SELECT (SELECT id FROM accounts WHERE id = ?2
                         UNION ALL SELECT id FROM accounts WHERE account_key = ?3
                         UNION ALL SELECT id FROM accounts WHERE subdomain = ?3
                         UNION ALL SELECT account_id FROM joined_accounts WHERE id = ?2
                         UNION ALL SELECT account_id FROM joined_accounts WHERE account_key = ?3
                         UNION ALL SELECT account_id FROM joined_accounts WHERE subdomain = ?3 LIMIT 1) AS id) AS wanted
               LEFT JOIN people p ON p.id = (
                 SELECT found FROM (
                     SELECT n.person_id AS found, 1 AS precedence FROM usernames n
                      WHERE n.key = ?1 AND n.account_id = wanted.id
                     UNION ALL SELECT d.person_id, 2 FROM addresses d
                      WHERE d.key = ?1 AND d.proved_at IS NOT NULL AND d.retired_at IS NULL
                     UNION ALL SELECT * FROM (
                            SELECT n.person_id, 3 FROM usernames n WHERE n.key = ?1 AND n.kind <> 'name' AND NOT EXISTS (
                                   SELECT 1 FROM addresses d
                                    WHERE d.key = ?1 AND d.proved_at IS NOT NULL AND d.retired_at IS NULL)
                             ORDER BY n.person_id DESC LIMIT 1))
                   JOIN people named ON named.id = found
                  WHERE named.password_hash IS NOT NULL
                  ORDER BY precedence LIMIT 1)",
            &[name.key.as_str().into(), name.account_id.into(), name.account.as_deref().into()],
        )?;
        let identity = name.identity(row.take("account")?);
        let Some(person_id) = row.take("id")? else { return Ok(Self { identity, person: None, hash: None }) };
        let (uuid, password_version) = (row.take("uuid")?, row.take("password_version")?);
        let person = SignedIn { person_id, uuid, password_version, account_id: None };
        Ok(Self { identity, person: Some(person), hash: row.take("password_hash")? })
    }

    /// Whether there is a person of the name, who has a password.
    pub fn has_password(&self) -> bool {
        self.hash.is_some()
    }

    /// The hash of the password, if there is a person of the name, who has one.
    pub fn hash(&self) -> Option<String> {
        self.hash.clone()
    }

    /// Checks the password. One that this instance has found right before is right at once, whatever limits there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for an unknown person and a wrong password: the same for both, after the same time.
    /// [`Error::TooManyRequests`], see [`throttle`].
    pub async fn verify(self, connection: &Connection, password: &str, address: Option<IpAddr>) -> Result<SignedIn> {
        if let (Some(person), Some(hash)) = (&self.person, &self.hash)
            && secret::is_verified(password, hash)
        {
            return Ok(person.clone());
        }
        let attempt = throttle::attempt(connection, &self.identity, address).await?;
        still().await;
        let matches = secret::verify_password(password, self.hash.as_deref());
        match self.person.filter(|_| matches) {
            Some(person) => Ok(person),
            None => Err(attempt.failed(connection, WRONG).await),
        }
    }
}

/// Signs a person in by a name and a password. `wanted` is the account to sign in to, an id, a key, a subdomain or a name: one
/// that the person is a member of or is asked into, or that such a one owns and that shares its data with it (the
/// administration API's `datashare`). Signing in to an account for the first time enters it. Through a connector only the accounts
/// count that are `within` its account and what that owns; without one of these nobody signs in.
///
/// # Errors
///
/// [`Error::Unauthenticated`] for an unknown person, a wrong password and an account that the person does not belong to: the
/// same for all, after the same time. [`Error::TooManyRequests`], see [`throttle`].
pub async fn sign_in(
    connection: &Connection,
    author: impl FnOnce(Actor) -> Author,
    name: &str,
    password: &str,
    wanted: Option<&str>,
    address: Option<IpAddr>,
    within: Option<AccountId>,
) -> Result<SignIn> {
    let candidate = Candidate::find(connection, name, password, wanted).await?;
    let person = candidate.verify(connection, password, address).await?;
    let offer = match wanted {
        Some(wanted) => named(connection, &person, wanted)?,
        None => offered(connection, &person, within)?,
    };
    let chosen = match offer {
        Offer::One(account) => account,
        Offer::Several(accounts) => return Ok(SignIn::Select(accounts)),
    };
    if !reaches(connection, within, chosen.map(|chosen| chosen.account_id))? {
        return Err(WRONG);
    }
    if let Some(Chosen { account_id, is_new: true }) = chosen {
        let edit = Edit::begin(author(Actor::Person(person.person_id))).await?;
        members::enter(&edit, account_id, person.person_id, None).await?;
        edit.commit().await?;
    }
    Ok(SignIn::Done(SignedIn { account_id: chosen.map(|chosen| chosen.account_id), ..person }))
}

/// Whether an account is `within` another one and what that owns; without such a bound every account is, and none as well.
fn reaches(connection: &Connection, within: Option<AccountId>, account_id: Option<AccountId>) -> Result<bool> {
    match (within, account_id) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(within), Some(account_id)) => hierarchy::owns(connection, within, account_id),
    }
}

/// The account that a person names to sign in to it, if it is one that the person may sign in to, and `within` the connector's
/// account and what that owns. A name that several offers have names none.
pub(super) fn choose(
    connection: &Connection,
    person: &SignedIn,
    wanted: &str,
    within: Option<AccountId>,
) -> Result<Option<Chosen>> {
    let chosen = match named(connection, person, wanted) {
        Ok(Offer::One(Some(chosen))) => chosen,
        Ok(Offer::One(None) | Offer::Several(_)) | Err(Error::Unauthenticated(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(if reaches(connection, within, Some(chosen.account_id))? { Some(chosen) } else { None })
}

/// An account to sign in to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub account_id: AccountId,
    /// Whether the person enters it for the first time.
    pub is_new: bool,
}

/// Whether the person `?1` is asked into the account `a`, or was added, and may enter for the first time.
const ASKED: &str = "EXISTS (SELECT 1 FROM memberships m
     WHERE m.account_id = a.id AND m.person_id = ?1 AND m.status IN ('active', 'invited') AND m.entered_at IS NULL)";

/// The account of the id `?2`, and those to which the id or the text `?4` of one leads that was joined into another.
const LED: &str = "?2, (SELECT j.account_id FROM joined_accounts j WHERE j.id = ?2),
     (SELECT j.account_id FROM joined_accounts j WHERE j.account_key = ?4),
     (SELECT j.account_id FROM joined_accounts j
       WHERE j.subdomain = ?4 AND NOT EXISTS (SELECT 1 FROM accounts t WHERE t.subdomain = ?4))";

/// The account that is named: an id or a key first; then, as a subdomain or a name, one that the person has entered or that one
/// above belongs to. A name is anybody's, so that nobody enters by it what others offer unless only one of that name does.
///
/// # Errors
///
/// [`WRONG`] for an account that the person does not belong to.
fn named(connection: &Connection, person: &SignedIn, wanted: &str) -> Result<Offer> {
    let key = text::clean(wanted, account::NAME_MAX).map_or_else(|_| String::new(), |name| text::fold(&name));
    let statement = format!(
        "SELECT a.id, a.name, {ASKED} AS is_new, (a.id IN ({LED}) OR a.account_key = ?4) IS TRUE AS is_one,
                a.subdomain IS ?4 AS is_subdomain
           FROM accounts a
          WHERE (a.id IN ({LED}) OR a.account_key = ?4 OR a.subdomain = ?4 OR a.name_key = ?3)
            AND ({BELONGS} OR {LIVE} AND {ASKED})
          ORDER BY a.id IS NOT ?2, a.account_key <> ?4, is_new, is_subdomain DESC, a.id
          LIMIT ?5"
    );
    let named_so = i64::try_from(OFFERS).unwrap_or(i64::MAX);
    let wanted_id = wanted.parse::<i64>().ok();
    let parameters = [person.person_id.into(), wanted_id.into(), key.into(), wanted.into(), named_so.into()];
    let mut rows = connection.query(&statement, &parameters)?;
    let Some(first) = rows.first_mut() else { return Err(WRONG) };
    let chosen = Chosen { account_id: first.take("id")?, is_new: first.take("is_new")? };
    let (is_one, is_subdomain): (bool, bool) = (first.take("is_one")?, first.take("is_subdomain")?);
    if !chosen.is_new || is_one || is_subdomain || rows.len() == 1 {
        return Ok(Offer::One(Some(chosen)));
    }
    let mut several = vec![(chosen.account_id, rows[0].take("name")?)];
    for row in &mut rows[1..] {
        several.push((row.take("id")?, row.take("name")?));
    }
    Ok(Offer::Several(several))
}

/// What a person is offered to sign in to.
enum Offer {
    /// The only one, or none.
    One(Option<Chosen>),
    /// Several to choose from.
    Several(Vec<(AccountId, String)>),
}

/// How many accounts that a person has never entered are offered: the newest.
const OFFERS: usize = 20;

/// The accounts that the person has entered; only if there are none, those that others have given. So nobody disturbs
/// somebody's sign-in by giving something.
fn offered(connection: &Connection, person: &SignedIn, within: Option<AccountId>) -> Result<Offer> {
    let statement = format!(
        "SELECT a.id, a.name, m.entered_at IS NOT NULL AS entered FROM memberships m JOIN accounts a ON a.id = m.account_id
          WHERE m.person_id = ? AND m.status IN ('active', 'invited') AND {LIVE}
          ORDER BY entered DESC, iif(entered, a.id, -m.created_at) LIMIT 1000"
    );
    let rows = connection.query(&statement, &[person.person_id.into()])?;
    let (mut entered, mut offers) = (Vec::new(), Vec::new());
    for mut row in rows {
        let account = (row.take("id")?, row.take("name")?);
        if !reaches(connection, within, Some(account.0))? {
            continue;
        }
        if row.take("entered")? { entered.push(account) } else { offers.push(account) }
    }
    let is_new = entered.is_empty();
    let mut accounts: Vec<(AccountId, String)> = if is_new { offers } else { entered };
    if is_new {
        accounts.truncate(OFFERS);
        accounts.sort_unstable_by_key(|(id, _)| *id);
    }
    Ok(match accounts.as_slice() {
        [] => Offer::One(None),
        [(account_id, _)] => Offer::One(Some(Chosen { account_id: *account_id, is_new })),
        _ => Offer::Several(accounts),
    })
}

/// Makes sure that a password is the one of a person who is known already. `hash` is what was kept of that, if there is
/// one, and `field` is what the request calls the password.
///
/// # Errors
///
/// [`Error::Invalid`] of `field` if it is not; [`Error::TooManyRequests`], see [`throttle`].
pub async fn prove(
    connection: &Connection,
    person_id: PersonId,
    field: &str,
    password: &str,
    hash: Option<&str>,
    address: Option<IpAddr>,
) -> Result<()> {
    let attempt = throttle::attempt(connection, &format!("user-id:{person_id}"), address).await?;
    still().await;
    if secret::verify_password(password, hash) {
        return Ok(());
    }
    Err(attempt.failed(connection, Error::Invalid(Faults::of(field, NOT_RIGHT))).await)
}
