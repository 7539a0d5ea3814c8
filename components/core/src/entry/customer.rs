//! Customers: accounts that a reseller makes, each with its administrator. What a reseller's account makes, it owns.

use crate::accounts::account::{self, Kind, NewAccount, Status};
use crate::accounts::{hierarchy, members, packages};
use crate::auth::secret;
use crate::error::{Conflict, Error, Result};
use crate::people::person::{self, NewPerson, Profile};
use crate::sign_in::administrator::Administrator;
use crate::store::{Author, Edit};
use crate::values::email::Email;
use crate::values::id::{AccountId, PackageId, PersonId};
use crate::values::text;

/// An account to be made. Its texts are clean.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Its name. Others may have the same.
    pub name: String,
    /// Its subdomain, see [`crate::values::domain::is_subdomain`].
    pub subdomain: String,
    /// The name by which its administrator signs in beside the address, see [`create`].
    pub admin_username: String,
    /// Its package, if not the owner's default.
    pub package_id: Option<PackageId>,
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
    /// Whether the owner's people may read it.
    pub datashare: bool,
}

/// Makes an account that the administrator's account owns, and returns its key.
///
/// With a password it gets an administrator: a new person, owner and admin of the account, who signs in by
/// `admin_username`, and by the address of `email_admin` unless that is another person's already. (One address may look
/// after many accounts; a person's password is never set by somebody else.)
///
/// # Errors
///
/// [`Error::Forbidden`] if the administrator's account is no reseller; [`Error::Invalid`] for an unknown package;
/// [`Error::Conflict`] with [`Conflict::SubdomainTaken`] or [`Conflict::AdministratorTaken`].
pub async fn create(author: Author, administrator: &Administrator, new: &NewCustomer) -> Result<String> {
    // Hashed before the lock is taken: it takes long.
    let password_hash = new.password.as_deref().map(secret::hash_password).transpose()?;
    let edit = Edit::begin(author).await?;
    let owner = administrator.account_id;
    hierarchy::require_reseller(edit.connection(), owner)?;
    let package_id = new.package_id.map(|package| packages::known(&edit, owner, package)).transpose()?;
    let account = NewAccount {
        name: new.name.clone(),
        kind: if new.is_reseller { Kind::Reseller } else { Kind::Standard },
        status: if new.is_active { Status::Active } else { Status::Inactive },
        subdomain: Some(new.subdomain.clone()),
        domain: new.domain.clone(),
        package_id,
        email_admin: new.email_admin.as_ref().map(|email| email.address.clone()),
        datashare: new.datashare,
        ..NewAccount::default()
    };
    let account = account::insert(&edit, Some(owner), &account).await?;
    if let Some(hash) = password_hash {
        let person_id = create_administrator(&edit, account.id, new, hash).await?;
        members::found(&edit, account.id, person_id).await?;
    }
    edit.commit().await?;
    Ok(account.account_key)
}

async fn create_administrator(
    edit: &Edit,
    account_id: AccountId,
    new: &NewCustomer,
    password_hash: String,
) -> Result<PersonId> {
    let username_key = text::fold(&new.admin_username);
    let email = new.email_admin.as_ref();
    // Usernames and addresses are looked for among both: either signs in.
    let mut row = edit.run_one(
        "SELECT EXISTS (SELECT 1 FROM users WHERE username_key = ?1)
                OR EXISTS (SELECT 1 FROM users WHERE email_key = ?1) AS username_taken,
                EXISTS (SELECT 1 FROM users WHERE email_key = ?2)
                OR EXISTS (SELECT 1 FROM users WHERE username_key = ?2) AS address_taken",
        &[username_key.as_str().into(), email.map(|email| email.key.as_str()).into()],
    )?;
    if row.take("username_taken")? {
        return Err(Error::Conflict(Conflict::AdministratorTaken));
    }
    let address_taken: bool = row.take("address_taken")?;
    let profile = Profile {
        name: Some("admin".to_owned()),
        username: Some(new.admin_username.clone()),
        email: email.filter(|email| !address_taken && email.key != username_key).cloned(),
        ..Profile::default()
    };
    let person = NewPerson { profile, password_hash: Some(password_hash) };
    Ok(person::insert(edit, account_id, &person).await?.id)
}
