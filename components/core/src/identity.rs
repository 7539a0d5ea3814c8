//! External identities: what connectors call accounts and users, and the users that they bind to accounts, through the portal API.
//!
//! A connector speaks of an account or a user by an external id of its own. Several connectors bind their external ids
//! to one account (by its registration id, unique among the accounts of one owner) and to one user (by e-mail address).
//! No connector sees or touches another's.
//!
//! Each function takes a whole body and is one transaction: it reads in one statement what there is, decides, and writes
//! only what differs, a statement per kind of change. The same body twice therefore changes nothing.
//!
//! # What goes with the last binding
//!
//! Unbinding never takes what somebody else holds. An account goes with its last external identity if the portal made it
//! and it has no members, connectors, users or accounts of its own; a membership goes with the last binding behind it if
//! the portal made it; a user goes with the last identity if the portal made it and it has no membership and no password.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::audit::{self, Author};
use crate::error::{Error, Faults, Result, Thing};
use crate::store::{Row, Transaction, Value, now};
use crate::text::{self, Email};
use crate::token::Client;
use crate::{account, health, secret};

/// Longest external id, in characters.
pub const EXTERNAL_ID_MAX: usize = 255;

/// What a connector says of one of its accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountEntry {
    /// The account's name; may be left out for an identity that exists.
    pub name: Option<String>,
    /// The registration id; may be left out for an identity that exists.
    pub registration_id: Option<String>,
}

/// External account ids, each with what is said of it, or with nothing to unbind it.
pub type AccountEntries = Vec<(String, Option<AccountEntry>)>;

/// External user ids, each with the user's address, or with nothing to unbind it.
pub type UserEntries = Vec<(String, Option<Email>)>;

/// What an entry of the body meets in the directory.
struct Known {
    /// The account that the external id is bound to, and its name.
    bound: Option<(i64, String)>,
    /// The account that has the entry's registration id, and its name.
    registered: Option<(i64, String)>,
}

/// Binds, moves, renames and unbinds a connector's accounts: all of the entries, or none.
///
/// # Errors
///
/// [`Error::Invalid`] with every entry that cannot be applied.
pub async fn put_accounts(author: &Author, client: &Client, entries: &AccountEntries) -> Result<()> {
    let transaction = Transaction::begin().await?;
    let known = known_accounts(&transaction, client, entries).await?;
    let plan = AccountPlan::make(entries, &known)?;
    plan.apply(&transaction, author, client).await?;
    health::write_succeeded(&transaction, client.connector_id)?;
    transaction.commit().await
}

async fn known_accounts(transaction: &Transaction, client: &Client, entries: &AccountEntries) -> Result<Vec<Known>> {
    let asked: Vec<_> = entries
        .iter()
        .map(|(external_id, entry)| (external_id, entry.as_ref().and_then(|entry| entry.registration_id.as_ref())))
        .collect();
    let statement = "SELECT i.account_id, b.name, r.id, r.name
           FROM json_each(?3) e
           LEFT JOIN account_identities i ON i.connector_id = ?1 AND i.external_id = e.value ->> 0
           LEFT JOIN accounts b ON b.id = i.account_id
           LEFT JOIN accounts r ON r.owner_id = ?2 AND r.registration_id = e.value ->> 1
          ORDER BY e.key";
    let parameters = vec![client.connector_id.into(), client.account_id.into(), rows(&asked)?];
    let account = |row: &mut Row, index| -> Result<Option<(i64, String)>> {
        Ok(row.take::<Option<i64>>(index)?.zip(row.take::<Option<String>>(index + 1)?))
    };
    transaction
        .batch(statement, parameters)
        .await?
        .into_iter()
        .map(|mut row| Ok(Known { bound: account(&mut row, 0)?, registered: account(&mut row, 2)? }))
        .collect()
}

/// What a body changes. References point into the body.
#[derive(Default)]
struct AccountPlan<'a> {
    /// Registration id → name of the accounts to make.
    made: BTreeMap<&'a str, &'a str>,
    /// Account → its new name.
    renamed: BTreeMap<i64, &'a str>,
    /// External id → account that it is bound to from now on, new or moved.
    bound: Vec<(&'a str, Target<'a>)>,
    /// External ids to unbind, and the account each was bound to.
    unbound: Vec<(&'a str, i64)>,
    /// Accounts that lose an external id.
    left: BTreeSet<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    /// An account that exists.
    Known(i64),
    /// The account that this request makes with this registration id.
    Made(&'a str),
}

impl<'a> AccountPlan<'a> {
    fn make(entries: &'a AccountEntries, known: &'a [Known]) -> Result<Self> {
        let mut plan = Self::default();
        let mut faults = Faults::default();
        let mut names: BTreeMap<i64, &str> = BTreeMap::new();
        for ((external_id, entry), known) in entries.iter().zip(known) {
            let bound = known.bound.as_ref();
            let Some(entry) = entry else {
                // To unbind what is not bound changes nothing.
                plan.unbound.extend(bound.map(|(account, _)| (external_id.as_str(), *account)));
                continue;
            };
            let name = entry.name.as_deref();
            if bound.is_none() && name.is_none() {
                faults.add(external_id, "name is required for a new account");
                continue;
            }
            let target = match (&entry.registration_id, &known.registered, bound) {
                (Some(_), Some((account, _)), _) | (None, _, Some((account, _))) => Target::Known(*account),
                (Some(registration_id), None, _) => Target::Made(registration_id),
                (None, _, None) => {
                    faults.add(external_id, "id is required for a new account");
                    continue;
                }
            };
            match target {
                Target::Known(account) => {
                    names.extend(known.registered.iter().chain(bound).map(|(account, name)| (*account, name.as_str())));
                    plan.renamed.extend(name.map(|name| (account, name)));
                }
                // An identity that moves without a name takes its account's name along. Two entries of one new
                // account: the last name counts, as it would if they came one after the other.
                Target::Made(registration_id) => match (name, bound) {
                    (Some(name), _) => drop(plan.made.insert(registration_id, name)),
                    (None, Some((_, name))) => drop(plan.made.entry(registration_id).or_insert(name)),
                    (None, None) => {}
                },
            }
            if bound.map(|(account, _)| Target::Known(*account)) != Some(target) {
                plan.bound.push((external_id, target));
                plan.left.extend(bound.map(|(account, _)| *account));
            }
        }
        faults.into_result()?;
        plan.renamed.retain(|account, name| names.get(account) != Some(name));
        plan.left.extend(plan.unbound.iter().map(|(_, account)| *account));
        Ok(plan)
    }

    async fn apply(&self, transaction: &Transaction, author: &Author, client: &Client) -> Result<()> {
        let made = self.make_accounts(transaction, author, client).await?;
        self.rename_accounts(transaction, author).await?;
        self.bind(transaction, author, client, &made).await?;
        self.unbind(transaction, author, client).await?;
        prune_accounts(transaction, author, client, &self.left).await
    }

    /// Makes the new accounts and returns their ids by registration id.
    async fn make_accounts(
        &self,
        transaction: &Transaction,
        author: &Author,
        client: &Client,
    ) -> Result<HashMap<String, i64>> {
        if self.made.is_empty() {
            return Ok(HashMap::new());
        }
        let keys = account::new_keys(self.made.len())?;
        let accounts: Vec<_> =
            self.made.iter().zip(keys).map(|((id, name), key)| (key, id, name, text::fold(name))).collect();
        let statement = "INSERT INTO accounts
                (owner_id, account_key, registration_id, name, name_key, origin, created_at, updated_at)
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, 'portal', ?2, ?2 FROM json_each(?3)
             RETURNING id, registration_id";
        let parameters = vec![client.account_id.into(), now().into(), rows(&accounts)?];
        let mut made = HashMap::with_capacity(accounts.len());
        let mut notes = Vec::with_capacity(accounts.len());
        for mut row in transaction.batch(statement, parameters).await? {
            let (id, registration_id): (i64, String) = (row.take(0)?, row.take(1)?);
            notes.push((id, json!({ "registrationId": &registration_id })));
            made.insert(registration_id, id);
        }
        account::count(transaction, client.account_id, i64::try_from(made.len()).map_err(anyhow::Error::from)?)?;
        audit::record(transaction, author, "created", "accounts", &notes).await?;
        Ok(made)
    }

    async fn rename_accounts(&self, transaction: &Transaction, author: &Author) -> Result<()> {
        if self.renamed.is_empty() {
            return Ok(());
        }
        let accounts: Vec<_> = self.renamed.iter().map(|(id, name)| (id, name, text::fold(name))).collect();
        let statement = "UPDATE accounts
                SET name = e.value ->> 1, name_key = e.value ->> 2, name_reserved = 0, version = version + 1, updated_at = ?1
               FROM json_each(?2) e WHERE accounts.id = e.value ->> 0";
        transaction.batch(statement, vec![now().into(), rows(&accounts)?]).await?;
        let notes: Vec<_> = self.renamed.iter().map(|(id, name)| (*id, json!({ "name": name }))).collect();
        audit::record(transaction, author, "renamed", "accounts", &notes).await
    }

    async fn bind(
        &self,
        transaction: &Transaction,
        author: &Author,
        client: &Client,
        made: &HashMap<String, i64>,
    ) -> Result<()> {
        let account = |target| match target {
            Target::Known(account) => Some(account),
            Target::Made(registration_id) => made.get(registration_id).copied(),
        };
        let bound: Vec<_> =
            self.bound.iter().filter_map(|(external_id, target)| Some((*external_id, account(*target)?))).collect();
        let statement = "INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
             SELECT ?1, value ->> 0, value ->> 1, ?2 FROM json_each(?3) WHERE true
             ON CONFLICT (connector_id, external_id) DO UPDATE SET account_id = excluded.account_id";
        identities(transaction, author, client, statement, "bound", "accounts", &bound).await
    }

    async fn unbind(&self, transaction: &Transaction, author: &Author, client: &Client) -> Result<()> {
        let statement = "DELETE FROM account_identities
             WHERE connector_id = ?1 AND external_id IN (SELECT value ->> 0 FROM json_each(?3)) AND ?2 > 0";
        identities(transaction, author, client, statement, "unbound", "accounts", &self.unbound).await
    }
}

/// Runs a statement over (external id, account or user) pairs: the connector is its first parameter, the time its
/// second, the pairs its third.
async fn identities(
    transaction: &Transaction,
    author: &Author,
    client: &Client,
    statement: &str,
    action: &'static str,
    subject: &'static str,
    pairs: &[(&str, i64)],
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    transaction.batch(statement, vec![client.connector_id.into(), now().into(), rows(pairs)?]).await?;
    let notes: Vec<_> = pairs
        .iter()
        .map(|(external_id, id)| (*id, json!({ "connector": client.connector_id, "externalId": external_id })))
        .collect();
    audit::record(transaction, author, action, subject, &notes).await
}

/// Takes away what the connector no longer holds of the accounts `left`, see the module's documentation.
async fn prune_accounts(
    transaction: &Transaction,
    author: &Author,
    client: &Client,
    left: &BTreeSet<i64>,
) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let bindings = "DELETE FROM user_bindings
         WHERE connector_id = ?1 AND account_id IN (SELECT value FROM json_each(?2))
           AND NOT EXISTS (SELECT 1 FROM account_identities i
                            WHERE i.account_id = user_bindings.account_id AND i.connector_id = ?1)";
    transaction.batch(bindings, vec![client.connector_id.into(), rows(left)?]).await?;
    let memberships = "DELETE FROM memberships
         WHERE account_id IN (SELECT value FROM json_each(?1)) AND origin = 'portal' AND NOT EXISTS (
               SELECT 1 FROM user_bindings b
                 JOIN user_identities i ON i.connector_id = b.connector_id AND i.external_id = b.external_id
                WHERE b.account_id = memberships.account_id AND i.user_id = memberships.user_id)
         RETURNING user_id, account_id";
    let gone = transaction.batch(memberships, vec![rows(left)?]).await?;
    record_memberships(transaction, author, "deleted", gone).await?;
    let accounts = "DELETE FROM accounts
         WHERE id IN (SELECT value FROM json_each(?1)) AND origin = 'portal'
           AND NOT EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM connectors c WHERE c.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM users u WHERE u.account_id = accounts.id)
           AND NOT EXISTS (SELECT 1 FROM accounts o WHERE o.owner_id = accounts.id)
         RETURNING id, registration_id, owner_id";
    let mut notes = Vec::new();
    let mut fewer: BTreeMap<i64, i64> = BTreeMap::new();
    for mut row in transaction.batch(accounts, vec![rows(left)?]).await? {
        notes.push((row.take(0)?, json!({ "registrationId": row.take::<Option<String>>(1)? })));
        *fewer.entry(row.take(2)?).or_default() -= 1;
    }
    for (owner, fewer) in fewer {
        account::count(transaction, owner, fewer)?;
    }
    audit::record(transaction, author, "deleted", "accounts", &notes).await
}

/// Binds users to an account by their external ids. Users that are bound already stay; one that is not known yet becomes
/// a member as soon as it is.
///
/// `account` is the registration id of an account that the connector is bound to, or its own external id of it.
///
/// # Errors
///
/// [`Error::NotFound`] if the connector is bound to no such account, whether or not there is one.
pub async fn bind_users(author: &Author, client: &Client, account: &str, users: &[String]) -> Result<()> {
    let transaction = Transaction::begin().await?;
    let found = transaction.run_first(
        "SELECT id FROM (
             SELECT a.id, 1 AS precedence FROM accounts a
              WHERE a.owner_id = ?2 AND a.registration_id = ?3
                AND EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = a.id AND i.connector_id = ?1)
             UNION ALL
             SELECT account_id, 2 FROM account_identities WHERE connector_id = ?1 AND external_id = ?3)
          ORDER BY precedence LIMIT 1",
        &[client.connector_id.into(), client.account_id.into(), account.into()],
    )?;
    let account_id: i64 = found.ok_or(Error::NotFound(Thing::Account))?.take(0)?;
    let bindings = "INSERT INTO user_bindings (connector_id, external_id, account_id, created_at)
         SELECT ?1, value, ?2, ?3 FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING RETURNING external_id";
    let parameters = vec![client.connector_id.into(), account_id.into(), now().into(), rows(&users)?];
    let mut notes = Vec::new();
    for mut row in transaction.batch(bindings, parameters).await? {
        let external_id: String = row.take(0)?;
        notes.push((account_id, json!({ "connector": client.connector_id, "externalId": external_id })));
    }
    audit::record(&transaction, author, "user bound", "accounts", &notes).await?;
    join_accounts(&transaction, author, client, &users.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    health::write_succeeded(&transaction, client.connector_id)?;
    transaction.commit().await
}

/// Binds, moves and unbinds a connector's users: all of the entries, or none. Users of one address are one user.
pub async fn put_users(author: &Author, client: &Client, entries: &UserEntries) -> Result<()> {
    let transaction = Transaction::begin().await?;
    let asked: Vec<_> =
        entries.iter().map(|(external_id, email)| (external_id, email.as_ref().map(|email| &email.key))).collect();
    let statement = "SELECT i.user_id, u.id FROM json_each(?2) e
           LEFT JOIN user_identities i ON i.connector_id = ?1 AND i.external_id = e.value ->> 0
           LEFT JOIN users u ON u.email_key = e.value ->> 1
          ORDER BY e.key";
    let known = transaction.batch(statement, vec![client.connector_id.into(), rows(&asked)?]).await?;

    let mut unknown: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut wanted, mut unbound, mut left) = (Vec::new(), Vec::new(), BTreeSet::new());
    for ((external_id, email), mut known) in entries.iter().zip(known) {
        let (bound, user): (Option<i64>, Option<i64>) = (known.take(0)?, known.take(1)?);
        let Some(email) = email else {
            unbound.extend(bound.map(|user| (external_id.as_str(), user)));
            continue;
        };
        if user.is_none() {
            unknown.insert(&email.key, &email.address);
        }
        if user.is_none() || bound != user {
            wanted.push((external_id.as_str(), user, email.key.as_str()));
            left.extend(bound);
        }
    }
    left.extend(unbound.iter().map(|(_, user)| *user));

    let made = make_users(&transaction, author, client, &unknown).await?;
    let bound: Vec<_> = wanted
        .iter()
        .filter_map(|(external_id, user, key)| Some((*external_id, user.or_else(|| made.get(*key).copied())?)))
        .collect();
    let bind = "INSERT INTO user_identities (connector_id, external_id, user_id, created_at)
         SELECT ?1, value ->> 0, value ->> 1, ?2 FROM json_each(?3) WHERE true
         ON CONFLICT (connector_id, external_id) DO UPDATE SET user_id = excluded.user_id";
    identities(&transaction, author, client, bind, "bound", "users", &bound).await?;
    let unbind = "DELETE FROM user_identities
         WHERE connector_id = ?1 AND external_id IN (SELECT value ->> 0 FROM json_each(?3)) AND ?2 > 0";
    identities(&transaction, author, client, unbind, "unbound", "users", &unbound).await?;
    forget_bindings(&transaction, client, entries).await?;
    join_accounts(&transaction, author, client, &bound.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    prune_users(&transaction, author, &left).await?;
    health::write_succeeded(&transaction, client.connector_id)?;
    transaction.commit().await
}

/// Makes a user for each address (key → address) and returns their ids by key. They belong to the connector's account.
async fn make_users(
    transaction: &Transaction,
    author: &Author,
    client: &Client,
    addresses: &BTreeMap<&str, &str>,
) -> Result<HashMap<String, i64>> {
    if addresses.is_empty() {
        return Ok(HashMap::new());
    }
    let mut random = vec![[0; 16]; addresses.len()];
    secret::fill(random.as_flattened_mut())?;
    let users: Vec<_> = addresses
        .iter()
        .zip(random)
        .map(|((key, address), random)| (uuid::Builder::from_random_bytes(random).into_uuid(), address, key))
        .collect::<Vec<(Uuid, _, _)>>();
    let statement = "INSERT INTO users (account_id, uuid, email, email_key, origin, created_at, updated_at)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, 'portal', ?2, ?2 FROM json_each(?3)
         RETURNING id, email_key";
    let parameters = vec![client.account_id.into(), now().into(), rows(&users)?];
    let mut made = HashMap::with_capacity(users.len());
    for mut row in transaction.batch(statement, parameters).await? {
        made.insert(row.take(1)?, row.take(0)?);
    }
    let notes: Vec<_> = made.values().map(|id| (*id, Json::Null)).collect();
    audit::record(transaction, author, "created", "users", &notes).await?;
    Ok(made)
}

/// An external id that is unbound is bound to no account either: were it given to another person one day, that person
/// must not inherit what it opened.
async fn forget_bindings(transaction: &Transaction, client: &Client, entries: &UserEntries) -> Result<()> {
    let gone: Vec<_> =
        entries.iter().filter(|(_, email)| email.is_none()).map(|(external_id, _)| external_id).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let statement = "DELETE FROM user_bindings
         WHERE connector_id = ?1 AND external_id IN (SELECT value FROM json_each(?2))";
    transaction.batch(statement, vec![client.connector_id.into(), rows(&gone)?]).await?;
    Ok(())
}

/// Makes the users of these external ids members of the accounts that they are bound to.
async fn join_accounts(transaction: &Transaction, author: &Author, client: &Client, users: &[&str]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    // `CROSS JOIN` keeps the order: SQLite would begin with all bindings of the connector, and go through all of its
    // identities for each of them.
    let memberships = "INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
         SELECT b.account_id, i.user_id, 'active', 'portal', ?2, ?2 FROM json_each(?3) e
           CROSS JOIN user_bindings b ON b.connector_id = ?1 AND b.external_id = e.value
           CROSS JOIN user_identities i ON i.connector_id = ?1 AND i.external_id = e.value
          WHERE true ON CONFLICT DO NOTHING RETURNING user_id, account_id";
    let parameters = vec![client.connector_id.into(), now().into(), rows(&users)?];
    let joined = transaction.batch(memberships, parameters).await?;
    let joined = record_memberships(transaction, author, "created", joined).await?;
    if joined.is_empty() {
        return Ok(());
    }
    let roles = "INSERT INTO membership_roles (user_id, account_id, role)
         SELECT value ->> 0, value ->> 1, 'user' FROM json_each(?1)";
    transaction.batch(roles, vec![rows(&joined)?]).await?;
    Ok(())
}

/// Takes away what nothing holds any more of the users `left`, see the module's documentation.
async fn prune_users(transaction: &Transaction, author: &Author, left: &BTreeSet<i64>) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let memberships = "DELETE FROM memberships
         WHERE user_id IN (SELECT value FROM json_each(?1)) AND origin = 'portal' AND NOT EXISTS (
               SELECT 1 FROM user_identities i
                 JOIN user_bindings b ON b.connector_id = i.connector_id AND b.external_id = i.external_id
                WHERE i.user_id = memberships.user_id AND b.account_id = memberships.account_id)
         RETURNING user_id, account_id";
    let gone = transaction.batch(memberships, vec![rows(left)?]).await?;
    record_memberships(transaction, author, "deleted", gone).await?;
    let users = "DELETE FROM users
         WHERE id IN (SELECT value FROM json_each(?1)) AND origin = 'portal' AND password_hash IS NULL
           AND NOT EXISTS (SELECT 1 FROM user_identities i WHERE i.user_id = users.id)
           AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id)
         RETURNING id";
    let mut notes = Vec::new();
    for mut row in transaction.batch(users, vec![rows(left)?]).await? {
        notes.push((row.take(0)?, Json::Null));
    }
    audit::record(transaction, author, "deleted", "users", &notes).await
}

/// Notes memberships that came or went, from rows of (user, account), and returns those pairs.
async fn record_memberships(
    transaction: &Transaction,
    author: &Author,
    action: &'static str,
    rows: Vec<Row>,
) -> Result<Vec<(i64, i64)>> {
    let pairs =
        rows.into_iter().map(|mut row| Ok((row.take(0)?, row.take(1)?))).collect::<Result<Vec<(i64, i64)>>>()?;
    let notes: Vec<_> = pairs.iter().map(|(user, account)| (*user, json!({ "account": account }))).collect();
    audit::record(transaction, author, action, "memberships", &notes).await?;
    Ok(pairs)
}

/// Many rows as one parameter, for `json_each`.
fn rows<T: serde::Serialize + ?Sized>(rows: &T) -> Result<Value> {
    Ok(Value::Text(serde_json::to_string(rows).map_err(anyhow::Error::from)?))
}
