//! Customers: accounts that a reseller makes, each with its administrator. What a reseller's account makes, it owns.

use crate::accounts::account::{self, Kind, NewAccount};
use crate::accounts::customers::{self, CustomerChange};
use crate::accounts::members::{Door, Grant, Status};
use crate::accounts::{hierarchy, members, packages, username};
use crate::auth::secret;
use crate::error::Result;
use crate::people::address;
use crate::people::person::{self, NewPerson};
use crate::sign_in::administrator::Administrator;
use crate::store::{Author, Edit, still};
use crate::values::email::Email;
use crate::values::id::{AccountId, PackageId};
use crate::values::role::Role;

/// An account to be made. Its texts are clean.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Its name. Others may have the same.
    pub name: String,
    /// Its subdomain, see [`crate::values::domain::is_subdomain`].
    pub subdomain: String,
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
    /// What the portal calls it.
    pub registration_id: Option<String>,
}

/// Makes an account that the administrator's account owns, and returns its key.
///
/// With a password it gets an administrator: somebody who is confined to the account, owner and admin of it, and called
/// [`username::ADMINISTRATOR`] there. The address of `email_admin` is given the role `owner`: who has proved it may enter. (One
/// address may look after many accounts, and nobody but the person sets the password of an address.)
///
/// # Errors
///
/// [`crate::Error::Forbidden`] if the administrator's account is no reseller; [`crate::Error::Invalid`] for an unknown package, and for an
/// address at the directory's own domain; [`crate::Error::Conflict`] with [`crate::error::Conflict::SubdomainTaken`] or
/// [`crate::error::Conflict::RegistrationIdTaken`].
pub async fn create(author: Author, administrator: &Administrator, new: &NewCustomer) -> Result<String> {
    // Hashed before the lock is taken: it takes long.
    still().await;
    let password_hash = new.password.as_deref().map(secret::hash_password).transpose()?;
    let edit = Edit::begin(author).await?;
    let owner = administrator.account_id;
    hierarchy::require_reseller(edit.connection(), owner)?;
    let package_id = new.package_id.map(|package| packages::known(&edit, owner, package)).transpose()?;
    let account = NewAccount {
        name: new.name.clone(),
        kind: if new.is_reseller { Kind::Reseller } else { Kind::Standard },
        status: account::Status::of(new.is_active),
        subdomain: Some(new.subdomain.clone()),
        domain: new.domain.clone(),
        package_id,
        email_admin: new.email_admin.as_ref().map(|email| email.address.clone()),
        datashare: new.datashare,
        registration_id: new.registration_id.clone(),
        ..NewAccount::default()
    };
    let account = account::insert(&edit, Some(owner), &account).await?;
    if password_hash.is_some() {
        let administrator = NewPerson {
            name: Some(username::ADMINISTRATOR.to_owned()),
            password_hash,
            is_confined: true,
            ..NewPerson::default()
        };
        let person_id = person::insert(&edit, &administrator).await?.id;
        username::name_administrator(&edit, account.id, person_id)?;
        members::found(&edit, account.id, person_id).await?;
    }
    if let Some(email) = &new.email_admin {
        give_to_address(&edit, account.id, email).await?;
    }
    edit.commit().await?;
    Ok(account.account_key)
}

/// Gives the role `owner` to whoever has proved an address, or will.
async fn give_to_address(edit: &Edit, account_id: AccountId, email: &Email) -> Result<()> {
    address::refuse_own_domain("email_admin", email).await?;
    let person_id = address::person_of(edit, email).await?;
    let grant = Grant {
        door: Door::Administration,
        roles: &[Role::Owner],
        rank: Some(Role::Owner),
        status: Status::Invited,
        known_as: None,
        known_by: Some(&email.key),
    };
    members::grant(edit, account_id, person_id, grant).await.map(drop)
}

/// Changes the account of a key, see [`customers::update`]. The address of whoever looks after it gets what the one before was
/// given and nobody has entered by.
///
/// # Errors
///
/// As [`customers::update`]; [`crate::Error::Invalid`] for an address at the directory's own domain.
pub async fn update(
    author: Author,
    administrator: &Administrator,
    account_key: &str,
    change: &CustomerChange,
) -> Result<()> {
    let edit = Edit::begin(author).await?;
    let account_id = customers::update(&edit, administrator.account_id, account_key, change).await?;
    if let Some(email) = &change.email_admin {
        move_to_address(&edit, administrator, account_id, email).await?;
    }
    edit.commit().await
}

/// Moves what the address of `email_admin` was given to another address, unless somebody has entered by it. Where nothing was
/// given, the address is given the first owner's role. Once the account has an owner, only an owner gives that role.
async fn move_to_address(
    edit: &Edit,
    administrator: &Administrator,
    account_id: AccountId,
    email: &Email,
) -> Result<()> {
    let rows = edit.run(
        "SELECT m.person_id, m.entered_at IS NOT NULL AS entered FROM grants g
           JOIN memberships m ON m.account_id = g.account_id AND m.person_id = g.person_id
          WHERE g.account_id = ? AND g.door = 'administration'",
        &[account_id.into()],
    )?;
    if members::was_entered_by_an_owner(edit, account_id)? {
        let held = hierarchy::roles(edit.connection(), &administrator.caller, account_id)?;
        if rows.is_empty() || !held.hold(Role::Owner) {
            return Ok(());
        }
    }
    for mut row in rows {
        if row.take::<bool>("entered")? {
            return Ok(());
        }
        members::release(edit, account_id, row.take("person_id")?, Door::Administration).await?;
    }
    give_to_address(edit, account_id, email).await
}
