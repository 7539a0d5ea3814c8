//! Packages: collections of account settings, by their names. An account has packages for the accounts that it owns, also
//! through others.

use serde_json::json;

use crate::accounts::hierarchy;
use crate::error::{Conflict, Error, Faults, Result};
use crate::store::climb::climb;
use crate::store::{Author, Connection, Edit, Row, Transaction};
use crate::values::id::{AccountId, Id as _, PackageId};
use crate::values::text;

/// The largest id that can be chosen. Ids that nobody chose go on after the largest there is, so there is room above.
pub const PACKAGE_ID_MAX: i64 = 999_999_999;

/// A package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its id.
    pub id: PackageId,
    /// Its name.
    pub name: String,
    /// Whether accounts get it that are made without one.
    pub is_default: bool,
}

/// The package that accounts of the account `?1` get without naming one, as an expression: its default, else the default
/// of the nearest that owns it, else null.
pub(crate) const DEFAULT_PACKAGE: &str = concat!(
    "(WITH RECURSIVE ",
    climb!("?1"),
    " SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1
       ORDER BY chain.depth LIMIT 1)"
);

/// A package that accounts of `owner` may get: one of its own, or of those that own it.
///
/// # Errors
///
/// [`Error::Invalid`] if it is none of those.
pub(crate) fn known(transaction: &Transaction, owner: AccountId, package: PackageId) -> Result<PackageId> {
    let statement = concat!(
        "WITH RECURSIVE ",
        climb!("?1"),
        " SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id WHERE p.id = ?2"
    );
    match transaction.run_first(statement, &[owner.into(), package.into()])? {
        Some(_) => Ok(package),
        None => Err(Error::Invalid(Faults::of("package_id", "is not known"))),
    }
}

/// The packages that accounts of the account may get, by their ids.
pub fn list(connection: &Connection, account_id: AccountId) -> Result<Vec<Package>> {
    let statement = concat!(
        "WITH RECURSIVE ",
        climb!("?1"),
        " SELECT p.id, p.name,
                 p.is_default AND chain.depth = (
                     SELECT min(d.depth) FROM chain d JOIN packages q ON q.owner_id = d.id AND q.is_default = 1
                 ) AS is_default
            FROM chain JOIN packages p ON p.owner_id = chain.id ORDER BY p.id"
    );
    let package = |mut row: Row| {
        Ok(Package { id: row.take("id")?, name: row.take("name")?, is_default: row.take("is_default")? })
    };
    connection.query(statement, &[account_id.into()])?.into_iter().map(package).collect()
}

/// A package to be made.
#[derive(Clone, Debug)]
pub struct NewPackage {
    /// Its id, if somebody chose one, see [`parse_id`]. The ids of all accounts' packages are one row of numbers.
    pub id: Option<PackageId>,
    /// See [`Package`]. It is a clean text.
    pub name: String,
    /// See [`Package`].
    pub is_default: bool,
}

/// The id of this number, if it can be chosen.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_id(number: i64) -> Result<PackageId, String> {
    if (1..=PACKAGE_ID_MAX).contains(&number) {
        Ok(PackageId::from_number(number))
    } else {
        Err(format!("must be a whole number from 1 to {PACKAGE_ID_MAX}"))
    }
}

/// Makes a package for the accounts that the account owns. Only the operator account chooses ids, for they are one row of
/// numbers for all accounts: another one could take those that others need, and learn which are taken.
///
/// # Errors
///
/// [`Error::Forbidden`] if the account is no reseller, or chooses an id and is not the operator account;
/// [`Error::Conflict`] with [`Conflict::PackageTaken`] or [`Conflict::PackageIdTaken`].
pub async fn create(author: Author, account_id: AccountId, new: &NewPackage) -> Result<PackageId> {
    let edit = Edit::begin(author).await?;
    hierarchy::require_reseller(edit.connection(), account_id)?;
    if let Some(id) = new.id {
        let mut row = edit.run_one(
            "SELECT owner_id IS NULL AS is_operator, EXISTS (SELECT 1 FROM packages WHERE id = ?2) AS is_taken
               FROM accounts WHERE id = ?1",
            &[account_id.into(), id.into()],
        )?;
        if !row.take("is_operator")? {
            return Err(Error::Forbidden { needs: "the operator account, which alone chooses the ids of packages" });
        }
        if row.take("is_taken")? {
            return Err(Error::Conflict(Conflict::PackageIdTaken));
        }
    }
    let key = text::fold(&new.name);
    if list(edit.connection(), account_id)?.iter().any(|package| text::fold(&package.name) == key) {
        return Err(Error::Conflict(Conflict::PackageTaken));
    }
    let id = insert(&edit, account_id, new).await?;
    edit.commit().await?;
    Ok(id)
}

/// Makes a package of the owner. As its default it takes the place of the one before.
pub(crate) async fn insert(edit: &Edit, owner: AccountId, new: &NewPackage) -> Result<PackageId> {
    if new.is_default {
        edit.run("UPDATE packages SET is_default = 0 WHERE owner_id = ? AND is_default = 1", &[owner.into()])?;
    }
    // Without an id SQLite gives out the next.
    let statement = "INSERT INTO packages (id, owner_id, name, is_default) VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let parameters = [new.id.into(), owner.into(), new.name.as_str().into(), i64::from(new.is_default).into()];
    let id = edit.run_one(statement, &parameters)?.take("id")?;
    edit.record(
        "created",
        "packages",
        &[(id, json!({ "account": owner, "after": { "name": new.name, "default": new.is_default } }))],
    )
    .await?;
    Ok(id)
}
