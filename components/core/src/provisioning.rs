//! Provisioning: accounts that an account owns, made, listed and changed by those who administer the owner.
//!
//! Only an account of the type `reseller` makes accounts, and what it makes it owns. What that owns in turn, it owns
//! through it: all of this is listed and changed, nothing beside or above it is seen.

use std::collections::VecDeque;

use anyhow::anyhow;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::administrator::Administrator;
use crate::audit::{self, Author};
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::health::Health;
use crate::store::{Connection, Row, Transaction, now};
use crate::text::{self, Email};
use crate::{account, membership, secret};

/// Longest subdomain, in characters (the administration API's document, "Creating Accounts").
pub const SUBDOMAIN_MAX: usize = 50;

/// How many rows are read at a time: a list of any length takes the memory of so many.
const PAGE: i64 = 500;

/// An account to be made. Its texts are clean.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name. Others may have the same.
    pub name: String,
    /// Its subdomain, see [`is_subdomain`].
    pub subdomain: String,
    /// The name by which its administrator signs in beside the address, see [`create`].
    pub admin_username: String,
    /// Its package, if not the owner's default.
    pub package_id: Option<i64>,
    /// Whether it works from the beginning.
    pub is_active: bool,
    /// The address of whoever looks after it.
    pub email_admin: Option<Email>,
    /// The administrator's password; none, no administrator.
    pub password: Option<String>,
    /// Whether it may make accounts itself.
    pub is_reseller: bool,
    /// A domain of its own.
    pub domain: Option<String>,
    /// Whether the owner's users may read it.
    pub datashare: bool,
}

/// Whether `text` can be a subdomain: 1 to 50 letters, digits and dashes, no dash at either end.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && is_label(text)
}

/// Whether `text` can be a domain: two or more labels of at most 63 letters, digits and dashes with dots between them
/// (RFC 1123, section 2.1).
pub fn is_domain(text: &str) -> bool {
    text.len() <= 253 && text.contains('.') && text.split('.').all(|label| label.len() <= 63 && is_label(label))
}

fn is_label(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.bytes().all(letters) && !text.starts_with('-') && !text.ends_with('-')
}

/// Makes an account that the administrator's account owns, and returns its key.
///
/// With a password it gets an administrator: a new user, owner and admin of the account, who signs in by
/// `admin_username`, and by the address of `email_admin` unless that is another user's already. (One address may look
/// after many accounts; a person's password is never set by somebody else.)
///
/// # Errors
///
/// [`Error::Forbidden`] if the administrator's account is no reseller; [`Error::Invalid`] for an unknown package;
/// [`Error::Conflict`] ([`Conflict::SubdomainTaken`] or [`Conflict::AdministratorTaken`]).
pub async fn create(author: &Author, administrator: &Administrator, new: &NewAccount) -> Result<String> {
    // Hashed before the lock is taken: it takes long.
    let password_hash = new.password.as_deref().map(secret::hash_password).transpose()?;
    let account_key = account::new_keys(1)?.pop().ok_or_else(|| anyhow!("no account key"))?;
    let transaction = Transaction::begin().await?;
    let owner = reseller(&transaction, administrator)?;
    let package = new.package_id.map(|package| known_package(&transaction, owner, package)).transpose()?;
    let statement = format!(
        "INSERT INTO accounts (owner_id, account_key, type, status, name, name_key, subdomain, domain, package_id,
                               email_admin, datashare, origin, created_at, updated_at)
         SELECT o.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, {DEFAULT_PACKAGE}), ?10, ?11, 'administration', ?12, ?12
           FROM accounts o WHERE o.id = ?1 RETURNING id"
    );
    let row = transaction.run_first(
        &statement,
        &[
            owner.into(),
            account_key.as_str().into(),
            if new.is_reseller { "reseller" } else { "standard" }.into(),
            status(new.is_active).into(),
            new.name.as_str().into(),
            text::fold(&new.name).into(),
            new.subdomain.as_str().into(),
            new.domain.as_deref().into(),
            package.into(),
            new.email_admin.as_ref().map(|email| email.address.as_str()).into(),
            i64::from(new.datashare).into(),
            now().into(),
        ],
    );
    let row = row.map_err(|error| match error {
        Error::Duplicate { columns } if columns.contains("subdomain") => Error::Conflict(Conflict::SubdomainTaken),
        other => other,
    })?;
    let account_id = row.ok_or_else(|| anyhow!("an insert returned nothing"))?.take(0)?;
    account::count(&transaction, owner, 1)?;
    audit::record(&transaction, author, "created", "accounts", &[(account_id, Json::Null)]).await?;
    if let Some(hash) = password_hash {
        let user_id = create_admin(&transaction, author, account_id, new, hash).await?;
        membership::found(&transaction, author, account_id, user_id).await?;
    }
    transaction.commit().await?;
    Ok(account_key)
}

/// The administrator's account, if it may make accounts.
fn reseller(transaction: &Transaction, administrator: &Administrator) -> Result<i64> {
    let row = transaction
        .run_first("SELECT id FROM accounts WHERE id = ? AND type = 'reseller'", &[administrator.account_id.into()])?;
    row.ok_or(Error::Forbidden { needs: "an account of the type reseller" })?.take(0)
}

async fn create_admin(
    transaction: &Transaction,
    author: &Author,
    account_id: i64,
    new: &NewAccount,
    password_hash: String,
) -> Result<i64> {
    let username_key = text::fold(&new.admin_username);
    let email = new.email_admin.as_ref();
    let row = transaction.run_first(
        "SELECT EXISTS (SELECT 1 FROM users WHERE username_key = ?1) OR EXISTS (SELECT 1 FROM users WHERE email_key = ?1),
                EXISTS (SELECT 1 FROM users WHERE email_key = ?2) OR EXISTS (SELECT 1 FROM users WHERE username_key = ?2)",
        &[username_key.as_str().into(), email.map(|email| email.key.as_str()).into()],
    )?;
    let mut row = row.ok_or_else(|| anyhow!("no answer"))?;
    if row.take::<bool>(0)? {
        return Err(Error::Conflict(Conflict::AdministratorTaken));
    }
    let is_taken: bool = row.take(1)?;
    let email = email.filter(|email| !is_taken && email.key != username_key);
    let row = transaction.run_first(
        "INSERT INTO users (account_id, uuid, username, username_key, email, email_key, name, password_hash,
                            password_version, origin, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'admin', ?7, 1, 'administration', ?8, ?8) RETURNING id",
        &[
            account_id.into(),
            Uuid::new_v4().to_string().into(),
            new.admin_username.as_str().into(),
            username_key.into(),
            email.map(|email| email.address.as_str()).into(),
            email.map(|email| email.key.as_str()).into(),
            password_hash.into(),
            now().into(),
        ],
    )?;
    let user_id = row.ok_or_else(|| anyhow!("an insert returned nothing"))?.take(0)?;
    audit::record(transaction, author, "created", "users", &[(user_id, Json::Null)]).await?;
    Ok(user_id)
}

fn status(is_active: bool) -> &'static str {
    if is_active { "active" } else { "inactive" }
}

/// What changes in an account: what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Its package.
    pub package_id: Option<i64>,
    /// Whether it works.
    pub is_active: Option<bool>,
    /// The address of whoever looks after it.
    pub email_admin: Option<Email>,
}

/// Changes an account that the administrator's account owns, directly or through others.
///
/// # Errors
///
/// [`Error::NotFound`] if there is none of this key among those; [`Error::Forbidden`] for the administrator's own
/// account, which its owner changes; [`Error::Invalid`] for an unknown package.
pub async fn update(
    author: &Author,
    administrator: &Administrator,
    account_key: &str,
    change: &AccountChange,
) -> Result<()> {
    let transaction = Transaction::begin().await?;
    let row = transaction.run_first(
        "WITH RECURSIVE chain(id) AS (
             SELECT owner_id FROM accounts WHERE account_key = ?1
              UNION SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id)
         SELECT a.id, a.owner_id, ?2 IN chain FROM accounts a WHERE a.account_key = ?1",
        &[account_key.into(), administrator.account_id.into()],
    )?;
    let mut row = row.ok_or(Error::NotFound(Thing::Account))?;
    let account_id: i64 = row.take(0)?;
    if account_id == administrator.account_id {
        return Err(Error::Forbidden { needs: "the account that owns this one" });
    }
    // `?2 IN chain` is null for an account that is not owned, where the chain ends with the operator's owner.
    if row.take::<Option<bool>>(2)? != Some(true) {
        return Err(Error::NotFound(Thing::Account));
    }
    let owner = row.take(1)?;
    let package = change.package_id.map(|package| known_package(&transaction, owner, package)).transpose()?;
    transaction.run(
        "UPDATE accounts SET package_id = coalesce(?2, package_id), status = coalesce(?3, status),
                             email_admin = coalesce(?4, email_admin), version = version + 1, updated_at = ?5
          WHERE id = ?1",
        &[
            account_id.into(),
            package.into(),
            change.is_active.map(status).into(),
            change.email_admin.as_ref().map(|email| email.address.as_str()).into(),
            now().into(),
        ],
    )?;
    let detail = json!({ "package": package, "active": change.is_active,
                         "emailAdmin": change.email_admin.as_ref().map(|email| &email.address) });
    audit::record(&transaction, author, "updated", "accounts", &[(account_id, detail)]).await?;
    transaction.commit().await
}

/// A package: a collection of account settings, by its name.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether accounts get it that are made without one.
    pub is_default: bool,
}

/// An account and its owners, the nearest first: the account is `?1`.
const OWNERS: &str = "WITH RECURSIVE chain(id, depth) AS (
         SELECT ?1, 0
          UNION ALL SELECT o.owner_id, depth + 1 FROM chain JOIN accounts o ON o.id = chain.id
                     WHERE o.owner_id IS NOT NULL)";

/// A package that accounts of `owner` may get: one of its own, or of those that own it.
fn known_package(transaction: &Transaction, owner: i64, package: i64) -> Result<i64> {
    let statement = format!("{OWNERS} SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id WHERE p.id = ?2");
    let row = transaction.run_first(&statement, &[owner.into(), package.into()])?;
    row.ok_or_else(|| Error::Invalid(Faults::of("package_id", "is not known")))?.take(0)
}

/// The package that accounts of the account `o` get without naming one, as an expression: its default, else the default
/// of the nearest that owns it, else null.
pub(crate) const DEFAULT_PACKAGE: &str = "(WITH RECURSIVE chain(id, depth) AS (
         SELECT o.id, 0
          UNION ALL SELECT n.owner_id, depth + 1 FROM chain JOIN accounts n ON n.id = chain.id
                     WHERE n.owner_id IS NOT NULL)
     SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1
      ORDER BY chain.depth LIMIT 1)";

/// The packages that accounts of the administrator's account may get, the oldest first.
pub fn packages(connection: &Connection, administrator: &Administrator) -> Result<Vec<Package>> {
    let statement = format!(
        "{OWNERS} SELECT p.id, p.name,
                         p.is_default AND chain.depth = (
                             SELECT min(d.depth) FROM chain d JOIN packages q ON q.owner_id = d.id AND q.is_default = 1)
           FROM chain JOIN packages p ON p.owner_id = chain.id ORDER BY p.id"
    );
    let rows = connection.query(&statement, &[administrator.account_id.into()])?;
    let package = |mut row: Row| Ok(Package { id: row.take(0)?, name: row.take(1)?, is_default: row.take(2)? });
    rows.into_iter().map(package).collect()
}

/// Makes a package for the accounts of the administrator's account and returns its id. As its default it takes the place
/// of the one before.
///
/// # Errors
///
/// [`Error::Forbidden`] if the administrator's account is no reseller; [`Error::Conflict`] ([`Conflict::PackageTaken`]).
pub async fn create_package(
    author: &Author,
    administrator: &Administrator,
    name: &str,
    is_default: bool,
) -> Result<i64> {
    let transaction = Transaction::begin().await?;
    let owner = reseller(&transaction, administrator)?;
    let known = packages(transaction.connection(), administrator)?;
    if known.iter().any(|package| text::fold(&package.name) == text::fold(name)) {
        return Err(Error::Conflict(Conflict::PackageTaken));
    }
    if is_default {
        transaction.run("UPDATE packages SET is_default = 0 WHERE owner_id = ? AND is_default = 1", &[owner.into()])?;
    }
    let row = transaction.run_first(
        "INSERT INTO packages (owner_id, name, is_default) VALUES (?1, ?2, ?3) RETURNING id",
        &[owner.into(), name.into(), i64::from(is_default).into()],
    )?;
    let id = row.ok_or_else(|| anyhow!("an insert returned nothing"))?.take(0)?;
    audit::record(&transaction, author, "created", "packages", &[(id, json!({ "default": is_default }))]).await?;
    transaction.commit().await?;
    Ok(id)
}

/// An account, as far as a list shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its key.
    pub account_key: String,
    /// Its subdomain; one that another API made may have none.
    pub subdomain: Option<String>,
    /// A domain of its own.
    pub domain: Option<String>,
    /// Its package.
    pub package_id: Option<i64>,
    /// The address of whoever looks after it.
    pub email_admin: Option<String>,
}

/// The accounts that an account owns, directly and through others, page by page: the accounts of one owner by their ids,
/// then those of each that has some. A list of any length is a walk along an index.
pub struct Owned {
    connection: Connection,
    /// Whose accounts are listed, and those who come after.
    owners: VecDeque<i64>,
    /// The last account that was listed of the first owner.
    after: i64,
}

impl Owned {
    /// Begins with the accounts of `account_id`.
    pub fn by(connection: Connection, account_id: i64) -> Self {
        Self { connection, owners: VecDeque::from([account_id]), after: 0 }
    }

    /// The next page: none after the last.
    pub fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        while let Some(owner) = self.owners.front().copied() {
            let rows = self.connection.query(
                "SELECT a.id, a.descendants > 0, a.name, a.account_key, a.subdomain, a.domain, a.package_id, a.email_admin
                   FROM accounts a WHERE a.owner_id = ?1 AND a.id > ?2 ORDER BY a.id LIMIT ?3",
                &[owner.into(), self.after.into(), PAGE.into()],
            )?;
            let mut page = Vec::with_capacity(rows.len());
            for mut row in rows {
                self.after = row.take(0)?;
                if row.take(1)? {
                    self.owners.push_back(self.after);
                }
                page.push(Listed {
                    name: row.take(2)?,
                    account_key: row.take(3)?,
                    subdomain: row.take(4)?,
                    domain: row.take(5)?,
                    package_id: row.take(6)?,
                    email_admin: row.take(7)?,
                });
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
            self.owners.pop_front();
            self.after = 0;
        }
        Ok(None)
    }
}

/// The connectors of an account and of those that it owns, directly and through others, page by page: its own, then those
/// of the accounts of one owner after the other, by the ids of accounts and connectors.
pub struct Connections {
    connection: Connection,
    /// A JSON array of the states to show.
    statuses: String,
    steps: VecDeque<Step>,
    /// The account and the connector that were listed last.
    after: (i64, i64),
}

/// Whose connectors are listed.
#[derive(Clone, Copy)]
enum Step {
    /// Those of an account.
    Of(i64),
    /// Those of the accounts that an account owns directly.
    OwnedBy(i64),
}

impl Connections {
    /// Those of `account_id` and of what it owns: only those of the account of this key, if there is one, and only
    /// those in one of `statuses`, unless that is empty.
    pub fn of(connection: Connection, account_id: i64, account_key: Option<&str>, statuses: &[&str]) -> Result<Self> {
        let steps = match account_key {
            None => VecDeque::from([Step::Of(account_id), Step::OwnedBy(account_id)]),
            Some(key) => {
                let rows = connection.query(
                    "WITH RECURSIVE chain(id) AS (
                         SELECT id FROM accounts WHERE account_key = ?1
                          UNION SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id)
                     SELECT id FROM accounts WHERE account_key = ?1 AND ?2 IN chain",
                    &[key.into(), account_id.into()],
                )?;
                rows.into_iter().map(|mut row| Ok(Step::Of(row.take(0)?))).collect::<Result<_>>()?
            }
        };
        Ok(Self { connection, statuses: Json::from(statuses).to_string(), steps, after: (0, 0) })
    }

    /// The next page: none after the last.
    pub fn next_page(&mut self) -> Result<Option<Vec<Health>>> {
        while let Some(step) = self.steps.front().copied() {
            let (condition, id) = match step {
                Step::Of(account) => ("a.id", account),
                Step::OwnedBy(owner) => ("a.owner_id", owner),
            };
            let statement = format!(
                "SELECT {} FROM accounts a JOIN connectors c ON c.account_id = a.id
                  WHERE {condition} = ?1 AND a.id >= ?2 AND (a.id > ?2 OR c.id > ?3)
                    AND (?4 = '[]' OR c.status IN (SELECT value FROM json_each(?4)))
                  ORDER BY a.id, c.id LIMIT ?5",
                Health::COLUMNS
            );
            let (account, connector) = self.after;
            let rows = self.connection.query(
                &statement,
                &[id.into(), account.into(), connector.into(), self.statuses.as_str().into(), PAGE.into()],
            )?;
            let page = rows.into_iter().map(|mut row| Health::take(&mut row)).collect::<Result<Vec<_>>>()?;
            if let Some(last) = page.last() {
                self.after = (last.account_id, last.connector_id);
                return Ok(Some(page));
            }
            self.after = (0, 0);
            self.steps.pop_front();
            if let Step::OwnedBy(owner) = step {
                let rows = self.connection.query(
                    "SELECT a.id FROM accounts a WHERE a.owner_id = ? AND a.descendants > 0 ORDER BY a.id",
                    &[owner.into()],
                )?;
                for mut row in rows {
                    self.steps.push_back(Step::OwnedBy(row.take(0)?));
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subdomain_has_letters_digits_and_dashes_between_them() {
        for good in ["a", "Example", "a-b", "0", "x--y", &"a".repeat(50)] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a.b", "a_b", "a b", "ä", &"a".repeat(51)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
        for good in ["www.redirect.com", "a.b"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "localhost", "a..b", ".a", "a.", "-a.b", "http://a.b", "a.b/c", &"a.".repeat(150)] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
