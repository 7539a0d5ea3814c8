//! Packages: collections of account settings, by their names. An account has packages for the accounts that it owns, also
//! through others.

use serde_json::json;

use crate::accounts::hierarchy;
use crate::error::{Conflict, Error, Faults, Result};
use crate::store::climb::climb;
use crate::store::{Author, Connection, Edit, Row, Transaction};
use crate::values::id::{AccountId, PackageId};
use crate::values::text;

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

/// The packages that accounts of the account may get, the oldest first.
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

/// Makes a package for the accounts that the account owns.
///
/// # Errors
///
/// [`Error::Forbidden`] if the account is no reseller; [`Error::Conflict`] with [`Conflict::PackageTaken`].
pub async fn create(author: Author, account_id: AccountId, name: &str, is_default: bool) -> Result<PackageId> {
    let edit = Edit::begin(author).await?;
    hierarchy::require_reseller(edit.connection(), account_id)?;
    let key = text::fold(name);
    if list(edit.connection(), account_id)?.iter().any(|package| text::fold(&package.name) == key) {
        return Err(Error::Conflict(Conflict::PackageTaken));
    }
    let id = insert(&edit, account_id, name, is_default).await?;
    edit.commit().await?;
    Ok(id)
}

/// Makes a package of the owner. As its default it takes the place of the one before.
pub(crate) async fn insert(edit: &Edit, owner: AccountId, name: &str, is_default: bool) -> Result<PackageId> {
    if is_default {
        edit.run("UPDATE packages SET is_default = 0 WHERE owner_id = ? AND is_default = 1", &[owner.into()])?;
    }
    let statement = "INSERT INTO packages (owner_id, name, is_default) VALUES (?1, ?2, ?3) RETURNING id";
    let id = edit.run_one(statement, &[owner.into(), name.into(), i64::from(is_default).into()])?.take("id")?;
    edit.record("created", "packages", &[(id, json!({ "default": is_default }))]).await?;
    Ok(id)
}
