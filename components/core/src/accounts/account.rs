//! Accounts: organisations, whichever API made them. This is the one place where accounts are made.

use std::fmt::Write as _;
use std::slice;

use anyhow::anyhow;
use serde_json::{Map, Value as Json, json};

use crate::accounts::taken::taken;
use crate::accounts::{duplicates, sources};
use crate::auth::secret;
use crate::error::{Error, Result};
use crate::store::draft::Draft;
use crate::store::{Edit, Row};
use crate::values::id::{AccountId, PackageId};
use crate::values::text;
use crate::values::time::Time;

/// Longest name, in characters.
pub const NAME_MAX: usize = 255;

/// Longest registration id, in characters.
pub const REGISTRATION_ID_MAX: usize = 100;

/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 2000;

/// Longest primary contact, in characters.
pub const CONTACT_MAX: usize = 255;

/// An account, as far as it is shown.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// A name of [`Status`].
    pub status: String,
    /// A name of [`Kind`].
    pub kind: String,
    /// The administration API's name for it.
    pub account_key: String,
    /// The portal's name for it.
    pub registration_id: Option<String>,
    /// Its subdomain, see [`crate::values::domain::is_subdomain`].
    pub subdomain: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Whom to ask.
    pub primary_contact: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed the last time.
    pub updated_at: Time,
    /// Counts its changes, from 1.
    pub version: i64,
}

impl Account {
    /// The columns of an account `a`.
    pub(super) const COLUMNS: &str = "a.id, a.name, a.description, a.status, a.type, a.account_key, a.registration_id,
        a.subdomain, a.country, a.primary_contact, a.created_at, a.updated_at, a.version";

    /// Takes the account of a row that has the columns.
    pub(super) fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take("id")?,
            name: row.take("name")?,
            description: row.take("description")?,
            status: row.take("status")?,
            kind: row.take("type")?,
            account_key: row.take("account_key")?,
            registration_id: row.take("registration_id")?,
            subdomain: row.take("subdomain")?,
            country: row.take("country")?,
            primary_contact: row.take("primary_contact")?,
            created_at: row.take("created_at")?,
            updated_at: row.take("updated_at")?,
            version: row.take("version")?,
        })
    }
}

/// What an account may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It is for itself.
    #[default]
    Standard,
    /// It makes accounts, which it owns.
    Reseller,
}

impl Kind {
    /// As the APIs and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Reseller => "reseller",
        }
    }
}

/// Whether an account works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It does.
    #[default]
    Active,
    /// Nobody signs in to it, and its connectors get no tokens.
    Inactive,
}

impl Status {
    /// As the APIs and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    /// The status of an account that is active, or is not.
    pub fn of(is_active: bool) -> Self {
        if is_active { Self::Active } else { Self::Inactive }
    }
}

/// An account to be made. Its values are clean and valid. The default is one of which nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// Whether no other account may take the name from then on: the accounts API keeps names apart.
    pub name_reserved: bool,
    /// See [`Account`].
    pub registration_id: Option<String>,
    /// See [`Account`].
    pub description: Option<String>,
    /// See [`Account`].
    pub primary_contact: Option<String>,
    /// See [`Account`].
    pub country: Option<String>,
    /// See [`Account`].
    pub kind: Kind,
    /// See [`Account`].
    pub status: Status,
    /// See [`Account`].
    pub subdomain: Option<String>,
    /// A domain of its own, see [`crate::values::domain::is_domain`].
    pub domain: Option<String>,
    /// Its package, if not the default of the nearest account that owns it and has one.
    pub package_id: Option<PackageId>,
    /// The address of whoever looks after it.
    pub email_admin: Option<String>,
    /// Whether its owner's people may read it.
    pub datashare: bool,
}

/// Drafts accounts that `owner` owns, and returns their keys in the order of `accounts`. Without an owner it is the operator account.
///
/// Whoever writes the draft gets an [`Error::Duplicate`] if a subdomain, a registration id of the owner or a reserved name comes again.
pub(crate) fn draft_all(draft: &mut Draft, owner: Option<AccountId>, accounts: &[NewAccount]) -> Result<Vec<String>> {
    let is_plain = speaker(draft.author.origin()).is_none() && accounts.iter().all(NewAccount::is_plain);
    draft_as(draft, owner, accounts, is_plain)
}

/// As [`draft_all`], of plain accounts or of such as have everything that an account may have.
fn draft_as(
    draft: &mut Draft,
    owner: Option<AccountId>,
    accounts: &[NewAccount],
    are_plain: bool,
) -> Result<Vec<String>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut keys = new_keys(accounts.len())?;
    // In order, an index takes them at its end.
    keys.sort_unstable();
    let origin = owner.map_or("operator", |_| draft.author.origin());
    let row = |(new, key): (&NewAccount, &String)| {
        if are_plain { new.plain_row(key) } else { new.whole_row(key, origin) }
    };
    let made: Vec<_> = accounts.iter().zip(&keys).map(row).collect();
    let common = (owner, origin, Time::this_second());
    if are_plain {
        draft.step("accounts", &made, common)?;
    } else {
        draft.step("whole_accounts", &made, common)?;
    }
    let notes: Vec<_> = keys.iter().zip(accounts.iter().map(NewAccount::told)).collect();
    draft.note("created", "accounts", &notes)?;
    Ok(keys)
}

/// The ids of the accounts that a step has made, see [`Edit::write_made`].
const MADE: &str =
    "SELECT json_group_array(a.id) FROM json_each(rows) e CROSS JOIN accounts a ON a.account_key = e.value ->> 0";

/// An account that is drafted: [`Drafted::account`] tells it once it is made.
pub(crate) struct Drafted {
    new: NewAccount,
    /// Its key.
    pub(crate) key: String,
    at: Time,
}

impl Drafted {
    /// The step that makes it, and the expression that reads its id, see [`Edit::write_made`].
    pub(crate) const MADE: [&'static str; 2] = ["whole_accounts", MADE];

    /// Drafts an account that `owner` owns, see [`draft_all`].
    pub(crate) fn of(draft: &mut Draft, owner: Option<AccountId>, new: &NewAccount) -> Result<Self> {
        let at = Time::this_second();
        let key = draft_as(draft, owner, slice::from_ref(new), false)?.pop().ok_or_else(none)?;
        Ok(Self { new: new.clone(), key, at })
    }

    /// The account, whose id its step has made.
    pub(crate) fn account(self, made: &[AccountId]) -> Result<Account> {
        let Self { new, key, at } = self;
        Ok(Account {
            id: *made.first().ok_or_else(none)?,
            name: new.name,
            description: new.description,
            status: new.status.name().to_owned(),
            kind: new.kind.name().to_owned(),
            account_key: key,
            registration_id: new.registration_id,
            subdomain: new.subdomain,
            country: new.country,
            primary_contact: new.primary_contact,
            created_at: at,
            updated_at: at,
            version: 1,
        })
    }
}

fn none() -> Error {
    Error::Internal(anyhow!("an insert returned no account"))
}

/// Makes an account that `owner` owns. Without an owner it makes the operator account.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::SubdomainTaken`] or [`Conflict::RegistrationIdTaken`]; [`Error::Duplicate`] if a
/// reserved name comes again.
pub(crate) async fn insert(edit: &Edit, owner: Option<AccountId>, new: &NewAccount) -> Result<Account> {
    if let Some(registration_id) = &new.registration_id {
        sources::refuse_registered(edit.connection(), None, owner, registration_id)?;
    }
    let drafted = Drafted::of(&mut edit.draft(), owner, new)?;
    let [step, made] = Drafted::MADE;
    let made = edit.write_made(step, made).await.map_err(taken)?;
    drafted.account(&made)
}

/// Which of the APIs that say something of an account that they make it is, if it is one of them.
fn speaker(origin: &str) -> Option<usize> {
    ["accounts", "administration"].iter().position(|speaks| *speaks == origin)
}

impl NewAccount {
    /// Whether nothing is known of it but what the portal says.
    fn is_plain(&self) -> bool {
        let rest = NewAccount { name: String::new(), registration_id: None, package_id: None, ..self.clone() };
        rest == NewAccount::default()
    }

    /// As the step of plain accounts has it.
    fn plain_row(&self, key: &str) -> Vec<Json> {
        let registration_id = self.registration_id.as_deref();
        vec![
            key.into(),
            json!(self.package_id),
            self.name.as_str().into(),
            text::fold(&self.name).into(),
            registration_id.into(),
            registration_id.and_then(duplicates::number).into(),
        ]
    }

    /// As the step of all others has it. A connector's word is kept with its external id, what others say of an account that they make
    /// with the account, see [`crate::accounts::sources`].
    fn whole_row(&self, key: &str, origin: &str) -> Vec<Json> {
        let mut said = [None; 4];
        if let Some(place) = speaker(origin) {
            said[2 * place] = Some(self.name.as_str());
            said[2 * place + 1] = self.registration_id.as_deref();
        }
        let mut row = self.plain_row(key);
        row.extend([
            self.name_reserved.into(),
            self.description.as_deref().into(),
            self.primary_contact.as_deref().into(),
            self.country.as_deref().into(),
            self.kind.name().into(),
            self.status.name().into(),
            // Who makes an account that does not work yet is the account above.
            (self.status == Status::Inactive).into(),
            self.subdomain.as_deref().into(),
            self.domain.as_deref().into(),
            self.email_admin.as_deref().into(),
            self.datashare.into(),
        ]);
        row.extend(said.map(Json::from));
        row
    }

    /// What the audit tells of a new account: what is known of it.
    fn told(&self) -> Json {
        let mut after = Map::from_iter([("name".to_owned(), Json::from(self.name.as_str()))]);
        for (name, value) in [
            ("registrationId", &self.registration_id),
            ("description", &self.description),
            ("primaryContact", &self.primary_contact),
            ("country", &self.country),
            ("subdomain", &self.subdomain),
            ("domain", &self.domain),
        ] {
            after.extend(value.as_deref().map(|value| (name.to_owned(), value.into())));
        }
        json!({ "after": after })
    }
}

/// New account keys, of the shape that the administration API's document gives them (`5a70d8fcd44aa9.76285892`): the
/// second of their making in eight hexadecimal digits, then 52 random bits in six digits that count in sixteens or tens
/// and eight that count in tens.
fn new_keys(count: usize) -> Result<Vec<String>> {
    let mut random = vec![0; count * 8];
    secret::fill(&mut random)?;
    let seconds = Time::now().seconds();
    let key = |bytes: &[u8]| {
        let mut key = format!("{:08x}", seconds & 0xffff_ffff);
        let random = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // The first half of the bits makes the hexadecimal part, the second the decimal one. Writing to a string never fails.
        let (high, low) = (random >> 32, random & 0xffff_ffff);
        let _ = write!(key, "{:05x}{}.{:08}", high & 0xf_ffff, (high >> 20) % 10, low % 100_000_000);
        key
    };
    Ok(random.chunks_exact(8).map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migration;
    use crate::values::id::Id as _;

    #[test]
    fn keys_have_the_shape_of_the_document_and_differ() {
        let keys = new_keys(1000).expect("random numbers");
        for key in &keys {
            let (hexadecimal, decimal) = key.split_once('.').expect("a dot");
            assert!(hexadecimal.len() == 14 && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
            assert!(decimal.len() == 8 && decimal.bytes().all(|b| b.is_ascii_digit()), "{key}");
        }
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn an_account_of_which_only_names_are_known_has_a_short_row() {
        let new = NewAccount { name: "Ä".to_owned(), registration_id: Some("01".to_owned()), ..NewAccount::default() };
        assert_eq!(json!(new.plain_row("k")), json!(["k", null, "Ä", "ä", "01", "1"]));
        assert!(new.is_plain());
        let told = NewAccount { status: Status::of(false), ..new.clone() };
        let rest = json!([false, null, null, null, "standard", "inactive", true, null, null, null, false]);
        let [none, name, id] = [Json::Null, json!("Ä"), json!("01")];
        for (new, origin, said) in [
            (&told, "portal", [&none, &none, &none, &none]),
            (&told, "accounts", [&name, &id, &none, &none]),
            (&told, "administration", [&none, &none, &name, &id]),
        ] {
            assert!(!told.is_plain());
            let row = new.whole_row("k", origin);
            assert_eq!(json!(row[6..17]), rest);
            assert_eq!(row[17..].iter().collect::<Vec<_>>(), said, "{origin}");
        }
    }

    #[test]
    fn accounts_get_the_default_package_of_the_nearest_owner_that_has_one() {
        let directory = migration::in_memory();
        let insert = |owner: Option<i64>, new: NewAccount, key: &str| -> i64 {
            let (made, step) = if new.is_plain() {
                (new.plain_row(key), "accounts")
            } else {
                (new.whole_row(key, "portal"), "whole_accounts")
            };
            let (made, common) = (json!([made]), json!([owner, "portal", 1]));
            let insert = "INSERT INTO steps (step, rows, common) VALUES (?, ?, ?)";
            directory.execute(insert, [step.to_owned(), made.to_string(), common.to_string()]).expect("an account");
            let made = "SELECT id FROM accounts WHERE account_key = ?";
            directory.query_row(made, [key], |row| row.get("id")).expect("the account")
        };
        let package = |owner: i64, is_default: bool| -> PackageId {
            let statement = "INSERT INTO packages (owner_id, name, is_default) VALUES (?, 'P', ?) RETURNING id";
            PackageId::from_number(
                directory.query_row(statement, (owner, is_default), |row| row.get("id")).expect("a package"),
            )
        };
        let package_of = |account: i64| -> Option<PackageId> {
            let found =
                directory.query_row("SELECT package_id FROM accounts WHERE id = ?", [account], |row| row.get(0));
            found.map(|id: Option<i64>| id.map(PackageId::from_number)).expect("the account")
        };
        let new = || NewAccount { name: "A".to_owned(), ..NewAccount::default() };
        let operator = insert(None, new(), "a");
        let before = insert(Some(operator), new(), "b");
        assert_eq!((package_of(operator), package_of(before)), (None, None));
        let common = package(operator, true);
        let reseller = insert(Some(operator), NewAccount { kind: Kind::Reseller, ..new() }, "c");
        let special = package(reseller, false);
        let customer = insert(Some(reseller), new(), "d");
        let chosen = insert(Some(reseller), NewAccount { package_id: Some(special), ..new() }, "e");
        assert_eq!([reseller, customer, chosen].map(package_of), [Some(common), Some(common), Some(special)]);
        let own = package(reseller, true);
        assert_eq!(package_of(insert(Some(reseller), new(), "f")), Some(own));
    }
}
