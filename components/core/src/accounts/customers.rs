//! Customers: the accounts that a reseller's account owns, as those who administer it list and change them.
//!
//! What a customer owns in turn, the reseller owns through it: all of this is listed and changed, nothing beside or above
//! it is seen. How a customer is made is told in [`crate::entry::customer`].

use std::collections::VecDeque;

use crate::accounts::account::Status;
use crate::accounts::joins::of_key;
use crate::accounts::sources::{self, Field, Source, Words};
use crate::accounts::taken::taken;
use crate::accounts::{duplicates, hierarchy, packages, suspension};
use crate::error::{Error, Result, Thing};
use crate::store::audit::Changed;
use crate::store::climb::climb;
use crate::store::{Connection, Edit, Row, Value};
use crate::values::email::Email;
use crate::values::id::{AccountId, PackageId};
use crate::values::time::Time;

/// How many rows are read at a time: a list of any length takes the memory of so many.
const PAGE: i64 = 500;

/// What a list of an owner's accounts begins after: ids begin with 1.
const START: Value = Value::Integer(0);

/// What changes in a customer: what is left out stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerChange {
    /// Its package.
    pub package_id: Option<PackageId>,
    /// Whether it works.
    pub is_active: Option<bool>,
    /// The address of whoever looks after it.
    pub email_admin: Option<Email>,
    /// What the portal calls it, as the account above says; see [`crate::accounts::sources`].
    pub registration_id: Option<String>,
}

/// Changes the account of a key, which `account_id` owns, directly or through others, and returns its id.
///
/// # Errors
///
/// [`Error::NotFound`] if there is none of this key among those; [`Error::Forbidden`] for the account `account_id` itself,
/// which its owner changes, and to lift what an account above this one has suspended; [`Error::Invalid`] for an unknown
/// package; [`Error::Conflict`] with [`crate::error::Conflict::RegistrationIdTaken`].
pub async fn update(
    edit: &Edit,
    account_id: AccountId,
    account_key: &str,
    change: &CustomerChange,
) -> Result<AccountId> {
    let statement = concat!(
        "SELECT a.id, a.owner_id, a.status, a.package_id, a.email_admin AS emailAdmin, a.registration_id AS registrationId, EXISTS (
             WITH RECURSIVE ",
        climb!("a.id"),
        " SELECT 1 FROM chain WHERE chain.id = ?2) AS is_owned
            FROM accounts a WHERE a.id = ",
        of_key!("?1")
    );
    let row = edit.run_first(statement, &[account_key.into(), account_id.into()])?;
    let mut row = row.ok_or(Error::NotFound(Thing::Account))?;
    let customer: AccountId = row.take("id")?;
    if customer == account_id {
        return Err(Error::Forbidden { needs: "the account that owns this one" });
    }
    if !row.take::<bool>("is_owned")? {
        return Err(Error::NotFound(Thing::Account));
    }
    let owner: AccountId = row.take("owner_id")?;
    let package = change.package_id.map(|package| packages::known(edit, owner, package)).transpose()?;
    let status = change.is_active.map(Status::of);
    if change.is_active.is_some() {
        suspension::decided(edit, customer)?;
    }
    if change.is_active == Some(true) {
        suspension::lift(edit, customer, |by| hierarchy::owns(edit.connection(), account_id, by))?;
    }
    let email_admin = change.email_admin.as_ref().map(|email| email.address.as_str());
    let mut words = Words::default();
    if let Some(registration_id) = &change.registration_id {
        sources::refuse_registered(edit.connection(), Some(customer), Some(owner), registration_id)?;
        words = Words::to_speak(edit, customer, &[Field::RegistrationId]).await?;
        words.say(customer, Field::RegistrationId, &Source::Above, Some(registration_id));
        words.keep(&mut edit.draft())?;
    }
    let registration_id = words.first(customer, Field::RegistrationId);
    edit.run(
        "UPDATE accounts SET package_id = coalesce(?2, package_id), status = coalesce(?3, status),
                             suspended_from_above = CASE ?3 WHEN 'inactive' THEN 1 WHEN 'active' THEN 0
                                                            ELSE suspended_from_above END,
                             email_admin = coalesce(?4, email_admin), registration_id = coalesce(?6, registration_id),
                             above_registration_id = coalesce(?7, above_registration_id),
                             registration_number = iif(?6 IS NULL, registration_number, ?8),
                             version = version + 1, updated_at = ?5
          WHERE id = ?1",
        &[
            customer.into(),
            package.into(),
            status.map(Status::name).into(),
            email_admin.into(),
            Time::this_second().into(),
            registration_id.into(),
            change.registration_id.as_deref().into(),
            registration_id.and_then(duplicates::number).into(),
        ],
    )
    .map_err(taken)?;
    if change.is_active == Some(false) {
        suspension::suspended(edit, customer, account_id)?;
    }
    let mut changed = Changed::default();
    for (field, after) in
        [("status", status.map(Status::name)), ("emailAdmin", email_admin), ("registrationId", registration_id)]
    {
        let before: Option<String> = row.take(field)?;
        if after.is_some() {
            changed.note(field, &before.as_deref(), &after);
        }
    }
    if package.is_some() {
        changed.note("package", &row.take::<Option<PackageId>>("package_id")?, &package);
    }
    edit.record("updated", "accounts", &[(customer, changed.into_detail())]).await?;
    Ok(customer)
}

/// A customer, as far as a list shows it.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Its name.
    pub name: String,
    /// Its key.
    pub account_key: String,
    /// Its subdomain; one that another API made may have none.
    pub subdomain: Option<String>,
    /// A domain of its own.
    pub domain: Option<String>,
    /// Its package.
    pub package_id: Option<PackageId>,
    /// The address of whoever looks after it.
    pub email_admin: Option<String>,
}

impl Customer {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            name: row.take("name")?,
            account_key: row.take("account_key")?,
            subdomain: row.take("subdomain")?,
            domain: row.take("domain")?,
            package_id: row.take("package_id")?,
            email_admin: row.take("email_admin")?,
        })
    }
}

/// The accounts that an account owns, directly and through others, page by page: the accounts of one owner by their ids,
/// then those of each that has some. A list of any length is a walk along an index.
pub struct Owned {
    connection: Connection,
    /// Whose accounts are listed, and those who come after.
    owners: VecDeque<AccountId>,
    /// The id of the account of the first owner that was listed last.
    after: Value,
}

impl Owned {
    /// Begins with the accounts of `account_id`.
    pub fn by(connection: Connection, account_id: AccountId) -> Self {
        Self { connection, owners: VecDeque::from([account_id]), after: START }
    }

    /// The next page: none after the last.
    pub fn next_page(&mut self) -> Result<Option<Vec<Customer>>> {
        while let Some(owner) = self.owners.front().copied() {
            let rows = self.connection.query(
                "SELECT a.id, a.descendants > 0 AS owns, a.name, a.account_key, a.subdomain, a.domain, a.package_id,
                        a.email_admin
                   FROM accounts a WHERE a.owner_id = ?1 AND a.id > ?2 ORDER BY a.id LIMIT ?3",
                &[owner.into(), self.after.clone(), PAGE.into()],
            )?;
            let mut page = Vec::with_capacity(rows.len());
            for mut row in rows {
                let id: AccountId = row.take("id")?;
                if row.take("owns")? {
                    self.owners.push_back(id);
                }
                page.push(Customer::from_row(&mut row)?);
                self.after = id.into();
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
            self.owners.pop_front();
            self.after = START;
        }
        Ok(None)
    }
}
