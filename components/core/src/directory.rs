//! The accounts as their people see and change them: made, listed, changed, deleted.
//!
//! Who may do what is looked up by the statement that loads the account. What a caller may not see is not found.

use anyhow::anyhow;
use serde_json::{Value as Json, json};

use crate::account;
use crate::audit::{self, Author};
use crate::error::{Conflict, Error, Result, Thing};
use crate::membership::{self, BELONGS, ROLES, Reach, Roles, VISIBLE};
use crate::odata::{Demand, Field, Filter, Kind, Order, Sql, Wanted};
use crate::provisioning::DEFAULT_PACKAGE;
use crate::scope;
use crate::store::{Connection, Row, Transaction, Value, now};
use crate::text;
use crate::token::Caller;

/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 2000;

/// Longest primary contact, in characters.
pub const CONTACT_MAX: usize = 255;

/// An account, as far as it is shown.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// `active` or `inactive`.
    pub status: String,
    /// `standard` or `reseller`.
    pub kind: String,
    /// The administration API's name for it.
    pub account_key: String,
    /// The portal's name for it.
    pub registration_id: Option<String>,
    /// Its subdomain.
    pub subdomain: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Whom to ask.
    pub primary_contact: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Milliseconds since the epoch.
    pub updated_at: i64,
    /// Counts its changes.
    pub version: i64,
}

/// The columns of [`Account`], in its order.
const COLUMNS: &str = "a.id, a.name, a.description, a.status, a.type, a.account_key, a.registration_id, a.subdomain,
    a.country, a.primary_contact, a.created_at, a.updated_at, a.version";

/// How many those are: what a statement selects beside them comes after.
const WIDTH: usize = 13;

impl Account {
    fn take(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take(0)?,
            name: row.take(1)?,
            description: row.take(2)?,
            status: row.take(3)?,
            kind: row.take(4)?,
            account_key: row.take(5)?,
            registration_id: row.take(6)?,
            subdomain: row.take(7)?,
            country: row.take(8)?,
            primary_contact: row.take(9)?,
            created_at: row.take(10)?,
            updated_at: row.take(11)?,
            version: row.take(12)?,
        })
    }

    /// The value of one of [`FIELDS`].
    pub fn value(&self, field: &Field) -> Value {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        match field.name {
            "id" => self.id.into(),
            "name" => self.name.as_str().into(),
            "description" => text(&self.description),
            "status" => self.status.as_str().into(),
            "type" => self.kind.as_str().into(),
            "accountKey" => self.account_key.as_str().into(),
            "registrationId" => text(&self.registration_id),
            "subdomain" => text(&self.subdomain),
            "country" => text(&self.country),
            "primaryContact" => text(&self.primary_contact),
            "createdAt" => self.created_at.into(),
            "updatedAt" => self.updated_at.into(),
            _ => Value::Null,
        }
    }
}

/// The fields that a listing can filter, order and select by. The first is unique.
pub static FIELDS: [Field; 12] = [
    Field { name: "id", column: "a.id", kind: Kind::Number },
    Field { name: "name", column: "a.name", kind: Kind::Text },
    Field { name: "description", column: "a.description", kind: Kind::Text },
    Field { name: "status", column: "a.status", kind: Kind::Text },
    Field { name: "type", column: "a.type", kind: Kind::Text },
    Field { name: "accountKey", column: "a.account_key", kind: Kind::Text },
    Field { name: "registrationId", column: "a.registration_id", kind: Kind::Text },
    Field { name: "subdomain", column: "a.subdomain", kind: Kind::Text },
    Field { name: "country", column: "a.country", kind: Kind::Text },
    Field { name: "primaryContact", column: "a.primary_contact", kind: Kind::Text },
    Field { name: "createdAt", column: "a.created_at", kind: Kind::Time },
    Field { name: "updatedAt", column: "a.updated_at", kind: Kind::Time },
];

/// The columns that `$search` looks in.
pub const SEARCHED: [&str; 3] = ["a.name", "a.description", "a.primary_contact"];

/// The account of this id, and what the caller may do in it.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see it, whether or not there is one.
pub fn load(connection: &Connection, caller: &Caller, account_id: i64) -> Result<(Account, Roles)> {
    let [user, client] = membership::parameters(caller);
    let statement = format!("SELECT {COLUMNS}, {ROLES} FROM accounts a WHERE a.id = ?3");
    loaded(connection.query_first(&statement, &[user, client, account_id.into()])?, caller)
}

/// The account of this name, compared without case. Of several that the caller sees it is the oldest.
///
/// # Errors
///
/// As [`load`].
pub fn load_named(connection: &Connection, caller: &Caller, name: &str) -> Result<(Account, Roles)> {
    let Ok(name) = text::clean(name, account::NAME_MAX) else { return Err(Error::NotFound(Thing::Account)) };
    let [user, client] = membership::parameters(caller);
    let statement = format!(
        "SELECT * FROM (SELECT {COLUMNS}, {ROLES} AS roles FROM accounts a WHERE a.name_key = ?3)
          WHERE roles IS NOT NULL ORDER BY id LIMIT 1"
    );
    loaded(connection.query_first(&statement, &[user, client, text::fold(&name).into()])?, caller)
}

fn loaded(row: Option<Row>, caller: &Caller) -> Result<(Account, Roles)> {
    let mut row = row.ok_or(Error::NotFound(Thing::Account))?;
    let roles =
        Roles::of(caller, row.take::<Option<String>>(WIDTH)?.as_deref()).ok_or(Error::NotFound(Thing::Account))?;
    Ok((Account::take(&mut row)?, roles))
}

/// What to list.
pub struct Listing {
    /// Which accounts.
    pub filter: Option<Filter>,
    /// Which of those: the condition of a search.
    pub search: Option<Sql>,
    /// In which order.
    pub order: Order,
    /// Only those after the one whose order keys have these values, see [`Order::after`].
    pub after: Option<Sql>,
    /// How many to pass over.
    pub skip: i64,
    /// How many to return.
    pub top: i64,
}

/// A part of a list.
pub struct Page {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// How many there are, `after`, `skip` and `top` aside.
    pub count: i64,
    /// Whether there are more after the last.
    pub more: bool,
}

/// How many accounts are looked at one by one rather than looked for among all.
const FEW: i64 = 2000;

/// Lists accounts that the caller may see: those it belongs to, and what they own.
///
/// How it goes about that depends on how many those are, see [`Start`]. Their number is known beforehand, so that a listing
/// of all of them counts nothing.
pub fn list(connection: &Connection, caller: &Caller, listing: &Listing) -> Result<Page> {
    if let Caller::Client(client) = caller
        && Roles::of(caller, Some("client")).is_none()
    {
        client.require(scope::ACCOUNTS_READ)?;
    }
    let reach = membership::reach(connection, caller)?;
    let hint = listing.filter.as_ref().and_then(hint);
    let start = Start::choose(reach, hint.is_some());
    let hint = hint.filter(|_| start.is_among_many());
    let mut conditions = Sql::default();
    for condition in listing.filter.as_ref().map(Filter::sql).into_iter().chain(listing.search.clone()) {
        and(&mut conditions, condition);
    }
    let count_matches = || -> Result<i64> {
        let mut count = start.select("count(*)", caller);
        if let Some(hint) = hint.clone() {
            and(&mut count, hint);
        }
        count.append(conditions.clone());
        let row = connection.query_first(&count.text, &count.parameters)?;
        row.ok_or_else(|| anyhow!("a count counts"))?.take(0)
    };
    let mut count = conditions.text.is_empty().then_some(reach.accounts);
    if count.is_none() && start.is_among_many() {
        count = Some(count_matches()?);
    }

    let mut page = start.select(COLUMNS, caller);
    // Few matches are found and put in order; many are come across soon enough when the accounts are walked in order.
    if let Some(hint) = hint.clone().filter(|_| count.is_some_and(|count| count <= FEW)) {
        and(&mut page, hint);
    }
    page.append(conditions.clone());
    if let Some(after) = listing.after.clone() {
        and(&mut page, after);
    }
    page.push(&format!(" ORDER BY {} LIMIT ", listing.order.sql()));
    // One more tells whether there is more.
    page.bind(listing.top + 1);
    page.push(" OFFSET ");
    page.bind(listing.skip);
    let rows = connection.query(&page.text, &page.parameters)?;
    let mut accounts = rows.into_iter().map(|mut row| Account::take(&mut row)).collect::<Result<Vec<_>>>()?;
    let top = usize::try_from(listing.top).unwrap_or(usize::MAX);
    let whole = accounts.len() <= top && listing.after.is_none() && listing.skip == 0;
    let count = match count {
        Some(count) => count,
        // The first page is all that there is.
        None if whole => i64::try_from(accounts.len()).unwrap_or(i64::MAX),
        None => count_matches()?,
    };
    let more = accounts.len() > top && top > 0;
    accounts.truncate(top);
    Ok(Page { accounts, count, more })
}

fn and(sql: &mut Sql, condition: Sql) {
    sql.push(" AND (");
    sql.append(condition);
    sql.push(")");
}

/// Where a listing starts from.
#[derive(Clone, Copy)]
enum Start {
    /// The accounts: the caller sees every one.
    All,
    /// The accounts that the filter leads to. Each is asked whether the caller sees it.
    Hint,
    /// One account, and all that it owns: what most callers see.
    Owner(i64),
    /// The accounts that the caller sees.
    Visible,
}

impl Start {
    fn choose(reach: Reach, hinted: bool) -> Self {
        match reach {
            Reach { everything: true, .. } => Self::All,
            Reach { accounts, .. } if hinted && accounts > FEW => Self::Hint,
            Reach { root, .. } => root.map_or(Self::Visible, Self::Owner),
        }
    }

    /// Whether it is among accounts that the caller may not see, or too many to look at each.
    fn is_among_many(self) -> bool {
        matches!(self, Self::All | Self::Hint)
    }

    /// The beginning of a statement over the accounts that the caller sees: conditions follow.
    fn select(self, columns: &str, caller: &Caller) -> Sql {
        const IN_VISIBLE: &str = "a.id IN (SELECT id FROM visible)";
        const OWNED: &str = "WITH RECURSIVE visible(id) AS (
             SELECT ?1 UNION ALL SELECT o.id FROM visible JOIN accounts o ON o.owner_id = visible.id) ";
        let caller = || membership::parameters(caller).to_vec();
        let (before, condition, parameters) = match self {
            Self::All => ("", "1".to_owned(), Vec::new()),
            Self::Hint => ("", format!("{ROLES} IS NOT NULL"), caller()),
            Self::Owner(account) => (OWNED, IN_VISIBLE.to_owned(), vec![account.into()]),
            Self::Visible => (VISIBLE, IN_VISIBLE.to_owned(), caller()),
        };
        Sql { text: format!("{before}SELECT {columns} FROM accounts a WHERE {condition}"), parameters }
    }
}

/// A condition that follows from the filter and leads to an index, if there is one: the filter's own compares values that
/// no index has. Whatever else the filter says is checked as well.
fn hint(filter: &Filter) -> Option<Sql> {
    filter.demands().into_iter().find_map(|Demand { field, folded, wanted }| {
        let mut sql = Sql::default();
        match (field.name, wanted) {
            ("name", Wanted::OneOf(names)) => {
                sql.push("a.name_key");
                one_of(&mut sql, names.into_iter().map(|name| text::fold(name).into()));
            }
            ("name", Wanted::Prefix(prefix)) => {
                let (from, to) = text::prefix_range(&text::fold(prefix))?;
                sql.push("a.name_key >= ");
                sql.bind(from);
                sql.push(" AND a.name_key < ");
                sql.bind(to);
            }
            _ if folded => return None,
            // Registration ids are unique, and found, among the accounts of an owner.
            ("registrationId", Wanted::OneOf(ids)) => {
                sql.push("a.owner_id IN (SELECT id FROM accounts WHERE descendants > 0) AND a.registration_id");
                one_of(&mut sql, ids.into_iter().map(Value::from));
            }
            ("accountKey" | "subdomain", Wanted::OneOf(keys)) => {
                sql.push(field.column);
                one_of(&mut sql, keys.into_iter().map(Value::from));
            }
            _ => return None,
        }
        Some(sql)
    })
}

fn one_of(sql: &mut Sql, values: impl Iterator<Item = Value>) {
    sql.push(" IN (");
    for (index, value) in values.enumerate() {
        sql.push(if index > 0 { ", " } else { "" });
        sql.bind(value);
    }
    sql.push(")");
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name, clean.
    pub name: String,
    /// See [`Account`].
    pub description: Option<String>,
    /// See [`Account`].
    pub primary_contact: Option<String>,
    /// See [`Account`].
    pub country: Option<String>,
}

/// Makes an account. The user who does owns it as a member. It belongs to the account that the caller signed in to if
/// that is a reseller, else to the one that owns that.
///
/// # Errors
///
/// [`Error::Conflict`] ([`Conflict::NameTaken`]); [`Error::Forbidden`] for a connector without `accounts:manage`.
pub async fn create(transaction: &Transaction, author: &Author, caller: &Caller, new: &NewAccount) -> Result<Account> {
    let (user, home) = match caller {
        Caller::User(user) => (Some(user.id), user.account_id),
        Caller::Client(client) => {
            client.require(scope::ACCOUNTS_MANAGE)?;
            (None, Some(client.account_id))
        }
    };
    let row = transaction.run_first(
        &format!(
            "SELECT CASE WHEN a.type = 'reseller' THEN a.id ELSE coalesce(a.owner_id, a.id) END FROM accounts a
              WHERE a.id = ?2 AND (?1 IS NULL OR {BELONGS})"
        ),
        &[user.into(), home.into()],
    )?;
    let owner = row.map(|mut row| row.take(0)).transpose()?;
    let account = insert(transaction, author, owner, new).await?;
    if let Some(user) = user {
        membership::found(transaction, author, account.id, user).await?;
    }
    Ok(account)
}

/// Makes an account that `owner` owns, or the operator account where there is none.
pub(crate) async fn insert(
    transaction: &Transaction,
    author: &Author,
    owner: Option<i64>,
    new: &NewAccount,
) -> Result<Account> {
    let key = text::fold(&new.name);
    refuse_taken_name(transaction, &key)?;
    let account_key = account::new_keys(1)?.pop().ok_or_else(|| anyhow!("no account key"))?;
    let statement = format!(
        "INSERT INTO accounts AS a (owner_id, account_key, name, name_key, name_reserved, description, primary_contact,
                               country, package_id, origin, created_at, updated_at)
         SELECT o.id, ?2, ?3, ?4, 1, ?5, ?6, ?7, {DEFAULT_PACKAGE}, 'accounts', ?8, ?8
           FROM accounts o WHERE o.id = coalesce(?1, (SELECT id FROM accounts WHERE owner_id IS NULL))
         RETURNING {}, owner_id",
        COLUMNS.replace("a.", "")
    );
    let row = transaction.run_first(
        &statement,
        &[
            owner.into(),
            account_key.into(),
            new.name.as_str().into(),
            key.into(),
            new.description.as_deref().into(),
            new.primary_contact.as_deref().into(),
            new.country.as_deref().into(),
            now().into(),
        ],
    )?;
    // The operator account is made by whoever asks for the first token.
    let mut row =
        row.ok_or(Error::Unavailable { retry_after: 5, reason: "Accord has not been started for the first time" })?;
    let account = Account::take(&mut row)?;
    account::count(transaction, row.take(WIDTH)?, 1)?;
    audit::record(transaction, author, "created", "accounts", &[(account.id, Json::Null)]).await?;
    Ok(account)
}

fn refuse_taken_name(transaction: &Transaction, key: &str) -> Result<()> {
    let taken = transaction.run_first("SELECT 1 FROM accounts WHERE name_key = ? LIMIT 1", &[key.into()])?;
    if taken.is_some() { Err(Error::Conflict(Conflict::NameTaken)) } else { Ok(()) }
}

/// What changes in an account: what is left out stays, what is set to nothing is cleared.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The name, clean.
    pub name: Option<String>,
    /// See [`Account`].
    pub description: Option<Option<String>>,
    /// Whether it is active.
    pub active: Option<bool>,
    /// See [`Account`].
    pub primary_contact: Option<Option<String>>,
    /// See [`Account`].
    pub country: Option<Option<String>>,
}

/// Changes an account. `expected` are the versions that the caller will change, if it matters to the caller.
///
/// # Errors
///
/// [`Error::NotFound`], [`Error::Forbidden`] without the manage role, [`Error::PreconditionFailed`] if it has another
/// version, [`Error::Conflict`] ([`Conflict::NameTaken`]).
pub async fn update(
    transaction: &Transaction,
    author: &Author,
    caller: &Caller,
    account_id: i64,
    change: &AccountChange,
    expected: Option<&[i64]>,
) -> Result<Account> {
    let (before, roles) = load(transaction.connection(), caller, account_id)?;
    roles.require_manage()?;
    if expected.is_some_and(|versions| !versions.contains(&before.version)) {
        return Err(Error::PreconditionFailed);
    }
    let key = change.name.as_deref().map(text::fold);
    let renamed = key.as_ref().is_some_and(|key| *key != text::fold(&before.name));
    if let Some(key) = key.as_ref().filter(|_| renamed) {
        refuse_taken_name(transaction, key)?;
    }
    let set =
        |change: &Option<Option<String>>, before: Option<String>| change.clone().unwrap_or(before).as_deref().into();
    let active = change.active.map_or(before.status, |active| if active { "active" } else { "inactive" }.to_owned());
    let statement = format!(
        "UPDATE accounts SET name = ?2, name_key = ?3, name_reserved = max(name_reserved, ?4), description = ?5, status = ?6,
                primary_contact = ?7, country = ?8, version = version + 1, updated_at = ?9
          WHERE id = ?1 RETURNING {}",
        COLUMNS.replace("a.", "")
    );
    let name = change.name.clone().unwrap_or(before.name);
    let row = transaction.run_first(
        &statement,
        &[
            account_id.into(),
            name.as_str().into(),
            text::fold(&name).into(),
            i64::from(renamed).into(),
            set(&change.description, before.description),
            active.into(),
            set(&change.primary_contact, before.primary_contact),
            set(&change.country, before.country),
            now().into(),
        ],
    )?;
    let account = Account::take(&mut row.ok_or(Error::NotFound(Thing::Account))?)?;
    let detail = json!({ "name": change.name, "description": change.description, "active": change.active,
                         "primaryContact": change.primary_contact, "country": change.country });
    audit::record(transaction, author, "updated", "accounts", &[(account_id, detail)]).await?;
    Ok(account)
}

/// Deletes an account with its memberships, connectors and external identities. Its users remain; those who belonged to
/// it belong to its owner from then on.
///
/// # Errors
///
/// [`Error::NotFound`], [`Error::Forbidden`] without the owner role, [`Error::Conflict`] ([`Conflict::OwnsAccounts`] or
/// [`Conflict::IsOperator`]).
pub async fn delete(transaction: &Transaction, author: &Author, caller: &Caller, account_id: i64) -> Result<()> {
    let (account, roles) = load(transaction.connection(), caller, account_id)?;
    roles.require_owner()?;
    if transaction.run_first("SELECT 1 FROM accounts WHERE owner_id = ? LIMIT 1", &[account_id.into()])?.is_some() {
        return Err(Error::Conflict(Conflict::OwnsAccounts));
    }
    let moved = transaction
        .run_first("SELECT owner_id FROM accounts WHERE id = ?1 AND owner_id IS NOT NULL", &[account_id.into()])?;
    let owner: i64 = moved.ok_or(Error::Conflict(Conflict::IsOperator))?.take(0)?;
    transaction
        .batch("UPDATE users SET account_id = ?2 WHERE account_id = ?1", vec![account_id.into(), owner.into()])
        .await?;
    transaction.batch("DELETE FROM accounts WHERE id = ?", vec![account_id.into()]).await?;
    account::count(transaction, owner, -1)?;
    let detail = json!({ "name": account.name, "accountKey": account.account_key });
    audit::record(transaction, author, "deleted", "accounts", &[(account_id, detail)]).await
}
