//! Accounts: organisations, whichever API made them. This is the one place where accounts are made.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::slice;

use anyhow::anyhow;
use serde_json::{Map, Value as Json, json};

use crate::accounts::packages::DEFAULT_PACKAGE;
use crate::accounts::taken::taken;
use crate::accounts::{duplicates, hierarchy, sources};
use crate::auth::secret;
use crate::error::{Error, Result};
use crate::store::sql::rows;
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
#[derive(Clone, Debug, Default)]
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

/// A column that an insert fills, and what it holds of an account.
type Column = (&'static str, fn(&NewAccount) -> Json);

/// The columns that differ from account to account, but for the key and the package.
const COLUMNS: [Column; 15] = [
    ("name", |new| new.name.as_str().into()),
    ("name_key", |new| text::fold(&new.name).into()),
    ("name_reserved", |new| new.name_reserved.into()),
    ("registration_id", |new| new.registration_id.as_deref().into()),
    ("registration_number", |new| new.registration_id.as_deref().and_then(duplicates::number).into()),
    ("description", |new| new.description.as_deref().into()),
    ("primary_contact", |new| new.primary_contact.as_deref().into()),
    ("country", |new| new.country.as_deref().into()),
    ("type", |new| new.kind.name().into()),
    ("status", |new| new.status.name().into()),
    // Who makes an account that does not work yet is the account above.
    ("suspended_from_above", |new| (new.status == Status::Inactive).into()),
    ("subdomain", |new| new.subdomain.as_deref().into()),
    ("domain", |new| new.domain.as_deref().into()),
    ("email_admin", |new| new.email_admin.as_deref().into()),
    ("datashare", |new| new.datashare.into()),
];

/// The columns that keep what whoever makes an account through an API says of it, see [`crate::accounts::sources`]: a connector's
/// word is kept with its external id.
fn said(origin: &str) -> &'static [Column] {
    match origin {
        "accounts" => &[
            ("people_name", |new| new.name.as_str().into()),
            ("people_registration_id", |new| new.registration_id.as_deref().into()),
        ],
        "administration" => &[
            ("above_name", |new| new.name.as_str().into()),
            ("above_registration_id", |new| new.registration_id.as_deref().into()),
        ],
        _ => &[],
    }
}

/// Makes accounts that `owner` owns, and returns their ids in the order of `accounts`. Without an owner it makes the
/// operator account.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::SubdomainTaken`] or [`Conflict::RegistrationIdTaken`]; [`Error::Duplicate`] if a
/// reserved name comes again.
pub(crate) async fn insert_all(
    edit: &Edit,
    owner: Option<AccountId>,
    accounts: &[NewAccount],
) -> Result<Vec<AccountId>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let keys = new_keys(accounts.len())?;
    insert_keyed(edit, owner, accounts, &keys, Time::this_second()).await
}

/// As [`insert_all`], for one.
pub(crate) async fn insert(edit: &Edit, owner: Option<AccountId>, new: &NewAccount) -> Result<Account> {
    if let Some(registration_id) = &new.registration_id {
        sources::refuse_registered(edit, None, owner, registration_id)?;
    }
    let (keys, now) = (new_keys(1)?, Time::this_second());
    let ids = insert_keyed(edit, owner, slice::from_ref(new), &keys, now).await?;
    let (Some(id), Some(account_key)) = (ids.first().copied(), keys.into_iter().next()) else {
        return Err(Error::Internal(anyhow!("an insert returned no account")));
    };
    Ok(Account {
        id,
        name: new.name.clone(),
        description: new.description.clone(),
        status: new.status.name().to_owned(),
        kind: new.kind.name().to_owned(),
        account_key,
        registration_id: new.registration_id.clone(),
        subdomain: new.subdomain.clone(),
        country: new.country.clone(),
        primary_contact: new.primary_contact.clone(),
        created_at: now,
        updated_at: now,
        version: 1,
    })
}

async fn insert_keyed(
    edit: &Edit,
    owner: Option<AccountId>,
    accounts: &[NewAccount],
    keys: &[String],
    now: Time,
) -> Result<Vec<AccountId>> {
    let origin = owner.map_or("operator", |_| edit.author.origin());
    let columns = used(accounts, origin);
    let parameters = vec![owner.into(), origin.into(), now.into(), rows(&given(accounts, keys, &columns))?];
    let statement = statement(&columns);
    let inserted = match accounts {
        [_] => edit.run(&statement, &parameters),
        _ => edit.batch(&statement, parameters).await,
    };
    let inserted = inserted.map_err(taken)?;
    // SQLite does not promise to return the rows in the order in which they went in.
    let ids = inserted.into_iter().map(|mut row| Ok((row.take("account_key")?, row.take("id")?)));
    let mut ids = ids.collect::<Result<HashMap<String, AccountId>>>()?;
    let ids = keys.iter().map(|key| ids.remove(key)).collect::<Option<Vec<_>>>();
    let ids = ids.ok_or_else(|| anyhow!("an insert returned too few accounts"))?;
    if let Some(owner) = owner {
        hierarchy::count(edit, owner, i64::try_from(ids.len()).map_err(anyhow::Error::from)?)?;
    }
    let notes: Vec<_> = ids.iter().copied().zip(accounts.iter().map(NewAccount::told)).collect();
    edit.record("created", "accounts", &notes).await?;
    Ok(ids)
}

impl NewAccount {
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

/// The columns in which some of the accounts differ from one of which nothing is known: that has the defaults of the
/// table. To name the others as well takes a batch of 10,000 accounts twice the time.
fn used(accounts: &[NewAccount], origin: &str) -> Vec<Column> {
    let blank = NewAccount::default();
    let differs = |(_, of): &Column| {
        let blank = of(&blank);
        accounts.iter().any(|new| of(new) != blank)
    };
    COLUMNS.into_iter().chain(said(origin).iter().copied()).filter(differs).collect()
}

/// The accounts as rows of an insert: the key, the package, and what the columns hold.
fn given(accounts: &[NewAccount], keys: &[String], columns: &[Column]) -> Vec<Vec<Json>> {
    let row = |(new, key): (&NewAccount, &String)| {
        let first = [key.as_str().into(), json!(new.package_id)];
        first.into_iter().chain(columns.iter().map(|(_, of)| of(new))).collect()
    };
    accounts.iter().zip(keys).map(row).collect()
}

fn statement(columns: &[Column]) -> String {
    let (mut names, mut values) = (String::new(), String::new());
    for ((name, _), place) in columns.iter().zip(2..) {
        // Writing to a string never fails.
        let _ = write!(names, ", {name}");
        let _ = write!(values, ", value ->> {place}");
    }
    format!(
        "INSERT INTO accounts (owner_id, origin, created_at, updated_at, account_key, package_id{names})
         SELECT ?1, ?2, ?3, ?3, value ->> 0, coalesce(value ->> 1, {DEFAULT_PACKAGE}){values} FROM json_each(?4)
         RETURNING id, account_key"
    )
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
    fn an_insert_names_the_columns_that_some_account_has_a_value_for() {
        let new = |name: &str| NewAccount { name: name.to_owned(), ..NewAccount::default() };
        let mut accounts = vec![new("A"), NewAccount { registration_id: Some("1".to_owned()), ..new("Ä") }];
        let columns = used(&accounts, "portal");
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["name", "name_key", "registration_id", "registration_number"]);
        let rows = given(&accounts, &["k".to_owned(), "l".to_owned()], &columns);
        assert_eq!(json!(rows), json!([["k", null, "A", "a", null, null], ["l", null, "Ä", "ä", "1", "1"]]));

        accounts[0].kind = Kind::Reseller;
        accounts[1].status = Status::of(false);
        let names: Vec<_> = used(&accounts, "portal").iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            ["name", "name_key", "registration_id", "registration_number", "type", "status", "suspended_from_above"]
        );
        let names: Vec<_> = used(&accounts[1..], "accounts").iter().map(|(name, _)| *name).collect();
        let expected = [
            "name",
            "name_key",
            "registration_id",
            "registration_number",
            "status",
            "suspended_from_above",
            "people_name",
            "people_registration_id",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn accounts_get_the_default_package_of_the_nearest_owner_that_has_one() {
        let directory = rusqlite::Connection::open_in_memory().expect("a database");
        for file in [
            include_str!("../migrations/0001_directory.sql"),
            include_str!("../migrations/0003_growth.sql"),
            include_str!("../migrations/0004_rank.sql"),
        ] {
            directory.execute_batch(file).expect("the schema");
        }
        let insert = |owner: Option<i64>, new: NewAccount, key: &str| -> i64 {
            let (accounts, keys) = ([new], [key.to_owned()]);
            let columns = used(&accounts, "portal");
            let rows = json!(given(&accounts, &keys, &columns)).to_string();
            let made = directory.query_row(&statement(&columns), (owner, "portal", 1, rows), |row| row.get("id"));
            made.expect("an account")
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
