//! Users: people who can sign in. What the endpoint API calls an account is one of them.
//!
//! [`upsert`] finds the user that a request means, or makes one. One transaction, under the write lock from its beginning:
//! of many requests that bring the same new username at once, the first makes the user and the others find it.
//!
//! Usernames, e-mail addresses, telephone numbers and external ids are unique among all users, whichever account they
//! belong to. Usernames and addresses compare without case.

use serde_json::json;
use uuid::Uuid;

use crate::audit::{self, Author};
use crate::error::{Conflict, Error, Faults, Result, Thing, Unauthenticated};
use crate::health;
use crate::scope::{USER_CREATE, USER_UPDATE};
use crate::store::{Row, Transaction, Value, now};
use crate::text::{self, Email};
use crate::token::Client;

/// Longest name, username and external id, in characters.
pub const TEXT_MAX: usize = 255;

/// A user, as the directory has it.
#[derive(Clone, Debug)]
pub struct User {
    /// The id within the directory (the accounts API's).
    pub id: i64,
    /// The id for the world outside (the endpoint API's).
    pub uuid: String,
    /// The account that the user belongs to.
    pub account_id: i64,
    /// What can be changed.
    pub profile: Profile,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Milliseconds since the epoch.
    pub updated_at: i64,
}

/// What can be changed of a user. The default is a user of whom nothing is known: no field set, no flag either.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own; they make no state together")]
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The telephone number in E.164's form, see [`crate::phone`].
    pub phone: Option<String>,
    /// Whether somebody has made sure that the number is the user's.
    pub phone_verified: bool,
    /// The e-mail address.
    pub email: Option<Email>,
    /// Whether somebody has made sure that the address is the user's.
    pub email_verified: bool,
    /// One of [`crate::enumeration::LANGUAGES`].
    pub language: Option<String>,
    /// One of [`crate::enumeration::TIME_ZONES`].
    pub time_zone: Option<String>,
    /// One of [`crate::enumeration::DATE_FORMATS`].
    pub date_format: Option<String>,
    /// The name to sign in by.
    pub username: Option<String>,
    /// The id by which an external sign-in knows the user.
    pub external_id: Option<String>,
    /// Whether the user wants to be told by e-mail.
    pub notify_by_email: bool,
    /// Whether the user wants to be told by text message.
    pub notify_by_sms: bool,
    /// Whether the user may sign in.
    pub is_active: bool,
}

/// What a request says of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing: it stays as it is.
    #[default]
    Keep,
    /// It has no value from now on.
    Clear,
    /// It has this value from now on.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T: Clone> Change<T> {
    fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }
}

/// What a request says of a user: values that are clean and valid, field by field as [`Profile`] has them.
#[expect(missing_docs, reason = "the fields are those of `Profile`")]
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub name: Change<String>,
    pub first_name: Change<String>,
    pub last_name: Change<String>,
    pub phone: Change<String>,
    pub phone_verified: Option<bool>,
    pub email: Change<Email>,
    pub language: Change<String>,
    pub time_zone: Change<String>,
    pub date_format: Change<String>,
    pub username: Change<String>,
    pub external_id: Change<String>,
    pub notify_by_email: Option<bool>,
    pub notify_by_sms: Option<bool>,
    pub is_active: Option<bool>,
}

/// An account, as a request refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountReference {
    /// By its id.
    Id(i64),
    /// By its registration id.
    RegistrationId(String),
    /// By its name, in any case.
    Name(String),
}

/// The account that a user belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its id.
    pub id: i64,
    /// Its registration id, if it has one.
    pub registration_id: Option<String>,
    /// Its name.
    pub name: String,
}

/// A user to be made or changed.
#[derive(Clone, Debug, Default)]
pub struct Upsert {
    /// The [`User::uuid`] of the user to change.
    pub id: Option<String>,
    /// The account that the user belongs to, if the request says so. It can only be the client's.
    pub owner: Option<AccountReference>,
    /// What is said of the user. Without an id, the username and the external id tell which user it is.
    pub changes: Changes,
    /// To make a user, and change none.
    pub insert_only: bool,
}

/// Changes the user that the request means, or makes one: by id, else the one of the username or the external id, else a
/// new one. The user belongs to the client's account. A request that changes nothing leaves no trace on the user.
///
/// A changed e-mail address or telephone number is no longer verified, unless the request says so.
///
/// # Errors
///
/// - [`Error::NotFound`] if there is no user of the id, or the user is of another account.
/// - [`Error::Conflict`] ([`Conflict::Ambiguous`]) if username and external id belong to two users.
/// - [`Error::Forbidden`] if the client may not do what it would come to, making or changing.
/// - [`Error::Invalid`], by the fields' names in [`Profile`] (`owner` for the account, `id`), with every value that
///   another user has, with an owner other than the client's account, if the username is cleared and was the last way to
///   sign in, and if the last active owner of an account would not be active any more.
pub async fn upsert(author: &Author, client: &Client, request: &Upsert) -> Result<(User, Owner)> {
    let transaction = Transaction::begin().await?;
    let (owner, candidates) = candidates(&transaction, client, request)?;
    let found = find(client, request, &candidates)?;
    client.require_any(if request.insert_only || found.is_none() { &USER_CREATE } else { &USER_UPDATE })?;

    let before = found.map(|user| user.profile.clone()).unwrap_or_default();
    let after = before.with(&request.changes);
    let mut faults = Faults::default();
    check_owner(request, &owner, &mut faults);
    match found {
        Some(_) if request.insert_only => faults.add("id", "is taken already"),
        Some(user) => check_update(&transaction, user, &after, &mut faults)?,
        None => {}
    }
    check_unique(&after, candidates.iter().filter(|user| found.is_none_or(|found| found.id != user.id)), &mut faults);
    faults.into_result()?;

    let changed = before.difference(&after);
    let user = match found {
        Some(user) if changed.is_empty() => user.clone(),
        Some(user) => update(&transaction, user, after)?,
        None => insert(&transaction, client, after)?,
    };
    if found.is_none() || !changed.is_empty() {
        let action = if found.is_none() { "created" } else { "updated" };
        // Which fields, not what is in them: the audit outlives the person's data.
        audit::record(&transaction, author, action, "users", &[(user.id, json!({ "fields": changed }))]).await?;
    }
    health::write_succeeded(&transaction, client.connector_id)?;
    transaction.commit().await?;
    Ok((user, owner))
}

/// Loads the client's account and every user that has something of the request's: its id, or a value that is unique.
fn candidates(transaction: &Transaction, client: &Client, request: &Upsert) -> Result<(Owner, Vec<User>)> {
    let changes = &request.changes;
    let rows = transaction.run(
        "SELECT a.name, a.registration_id, u.id, u.uuid, u.account_id, u.created_at, u.updated_at,
                u.name, u.first_name, u.last_name, u.phone, u.phone_verified, u.email, u.email_key, u.email_verified,
                u.language, u.time_zone, u.date_format, u.username, u.external_id, u.notify_by_email, u.notify_by_sms,
                u.is_active
           FROM accounts a
           LEFT JOIN users u ON u.uuid = ?2 OR u.username_key = ?3 OR u.external_id = ?4 OR u.email_key = ?5 OR u.phone = ?6
          WHERE a.id = ?1",
        &[
            client.account_id.into(),
            request.id.clone().into(),
            changes.username.value().map(|username| text::fold(username)).into(),
            changes.external_id.value().cloned().into(),
            changes.email.value().map(|email| email.key.clone()).into(),
            changes.phone.value().cloned().into(),
        ],
    )?;
    let mut owner = None;
    let mut users = Vec::with_capacity(rows.len());
    for mut row in rows {
        owner = Some(Owner { id: client.account_id, name: row.take(0)?, registration_id: row.take(1)? });
        users.extend(User::from_row(&mut row)?);
    }
    // An account that is gone since the token was looked at took the client with it.
    let owner = owner.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
    Ok((owner, users))
}

/// The user that the request means.
fn find<'a>(client: &Client, request: &Upsert, candidates: &'a [User]) -> Result<Option<&'a User>> {
    const NOT_FOUND: Error = Error::NotFound(Thing::User);
    let of_client = |user: &&User| user.account_id == client.account_id;
    if let Some(id) = &request.id {
        let user = candidates.iter().find(|user| user.uuid == *id).filter(of_client);
        return user.map(Some).ok_or(NOT_FOUND);
    }
    // What is there already is then a value that is taken, whoever has it.
    if request.insert_only {
        return Ok(None);
    }
    let username = request.changes.username.value().map(|username| text::fold(username));
    let external_id = request.changes.external_id.value();
    let by_username = candidates.iter().find(|user| username.is_some() && user.profile.username_key() == username);
    let by_external_id =
        candidates.iter().find(|user| external_id.is_some() && user.profile.external_id.as_ref() == external_id);
    match (by_username, by_external_id) {
        (Some(one), Some(other)) if one.id != other.id => Err(Error::Conflict(Conflict::Ambiguous)),
        (None, None) => Ok(None),
        (one, other) => one.or(other).filter(of_client).map(Some).ok_or(NOT_FOUND),
    }
}

fn check_owner(request: &Upsert, owner: &Owner, faults: &mut Faults) {
    let is_owner = match &request.owner {
        None => true,
        Some(AccountReference::Id(id)) => *id == owner.id,
        Some(AccountReference::RegistrationId(id)) => owner.registration_id.as_ref() == Some(id),
        Some(AccountReference::Name(name)) => text::fold(name) == text::fold(&owner.name),
    };
    if !is_owner {
        faults.add("owner", "must be the one that the client belongs to");
    }
}

/// What may not be done to a user that there is.
fn check_update(transaction: &Transaction, user: &User, after: &Profile, faults: &mut Faults) -> Result<()> {
    let before = &user.profile;
    if before.username.is_some() && after.username.is_none() && after.email.is_none() && after.external_id.is_none() {
        faults.add("username", "cannot be cleared: there is no other way to sign in");
    }
    if before.is_active && !after.is_active && is_last_owner(transaction, user.id)? {
        faults.add("is_active", "cannot be cleared: nobody else is an active owner of the organisation");
    }
    Ok(())
}

/// Whether there is an account that this user alone can act for as its owner.
fn is_last_owner(transaction: &Transaction, user_id: i64) -> Result<bool> {
    let account = transaction.run_first(
        "SELECT 1 FROM memberships m
           JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id AND r.role = 'owner'
          WHERE m.user_id = ?1 AND m.status = 'active' AND NOT EXISTS (
                SELECT 1 FROM membership_roles o
                  JOIN memberships n ON n.account_id = o.account_id AND n.user_id = o.user_id
                  JOIN users u ON u.id = o.user_id
                 WHERE o.account_id = m.account_id AND o.role = 'owner' AND o.user_id <> ?1
                   AND n.status = 'active' AND u.is_active = 1)
          LIMIT 1",
        &[user_id.into()],
    )?;
    Ok(account.is_some())
}

/// Finds what the user would have in common with `others` and must not.
fn check_unique<'a>(after: &Profile, others: impl Iterator<Item = &'a User>, faults: &mut Faults) {
    for User { profile: other, .. } in others {
        for (field, taken) in [
            ("phone", after.phone.is_some() && after.phone == other.phone),
            ("email", after.email.is_some() && after.email_key() == other.email_key()),
            ("username", after.username.is_some() && after.username_key() == other.username_key()),
            ("external_id", after.external_id.is_some() && after.external_id == other.external_id),
        ] {
            if taken {
                faults.add(field, "is taken already");
            }
        }
    }
}

fn insert(transaction: &Transaction, client: &Client, profile: Profile) -> Result<User> {
    let (uuid, now) = (Uuid::new_v4().to_string(), now());
    let mut parameters: Vec<Value> = vec![client.account_id.into(), uuid.as_str().into(), now.into()];
    parameters.extend(profile.values());
    let row = transaction.run_first(
        "INSERT INTO users (account_id, uuid, created_at, updated_at, origin,
                            name, first_name, last_name, phone, phone_verified, email, email_key, email_verified,
                            language, time_zone, date_format, username, username_key, external_id, notify_by_email,
                            notify_by_sms, is_active)
         VALUES (?1, ?2, ?3, ?3, 'endpoint',
                 ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         RETURNING id",
        &parameters,
    )?;
    let id = row.ok_or_else(|| anyhow::anyhow!("an insert returned nothing"))?.take(0)?;
    Ok(User { id, uuid, account_id: client.account_id, profile, created_at: now, updated_at: now })
}

fn update(transaction: &Transaction, user: &User, profile: Profile) -> Result<User> {
    // Not earlier than it was, should the clock have been set back.
    let updated_at = now().max(user.updated_at);
    let mut parameters: Vec<Value> = vec![user.id.into(), updated_at.into()];
    parameters.extend(profile.values());
    transaction.run(
        "UPDATE users SET version = version + 1, updated_at = ?2,
                name = ?3, first_name = ?4, last_name = ?5, phone = ?6, phone_verified = ?7, email = ?8, email_key = ?9,
                email_verified = ?10, language = ?11, time_zone = ?12, date_format = ?13, username = ?14,
                username_key = ?15, external_id = ?16, notify_by_email = ?17, notify_by_sms = ?18, is_active = ?19
          WHERE id = ?1",
        &parameters,
    )?;
    Ok(User { profile, updated_at, ..user.clone() })
}

impl User {
    /// Takes the user of a row of [`candidates`], if there is one in it.
    fn from_row(row: &mut Row) -> Result<Option<Self>> {
        let Some(id) = row.take(2)? else { return Ok(None) };
        let email = row.take::<Option<String>>(12)?.zip(row.take::<Option<String>>(13)?);
        Ok(Some(Self {
            id,
            uuid: row.take(3)?,
            account_id: row.take(4)?,
            created_at: row.take(5)?,
            updated_at: row.take(6)?,
            profile: Profile {
                name: row.take(7)?,
                first_name: row.take(8)?,
                last_name: row.take(9)?,
                phone: row.take(10)?,
                phone_verified: row.take(11)?,
                email: email.map(|(address, key)| Email { address, key }),
                email_verified: row.take(14)?,
                language: row.take(15)?,
                time_zone: row.take(16)?,
                date_format: row.take(17)?,
                username: row.take(18)?,
                external_id: row.take(19)?,
                notify_by_email: row.take(20)?,
                notify_by_sms: row.take(21)?,
                is_active: row.take(22)?,
            },
        }))
    }
}

impl Profile {
    /// The columns of [`Profile::values`], in the order in which [`insert`] and [`update`] write them.
    const COLUMNS: [&'static str; 17] = [
        "name",
        "first_name",
        "last_name",
        "phone",
        "phone_verified",
        "email",
        "email_key",
        "email_verified",
        "language",
        "time_zone",
        "date_format",
        "username",
        "username_key",
        "external_id",
        "notify_by_email",
        "notify_by_sms",
        "is_active",
    ];

    fn values(&self) -> [Value; 17] {
        let flag = |flag: bool| Value::Integer(flag.into());
        let text = |text: &Option<String>| text.clone().into();
        [
            text(&self.name),
            text(&self.first_name),
            text(&self.last_name),
            text(&self.phone),
            flag(self.phone_verified),
            self.email.as_ref().map(|email| email.address.as_str()).into(),
            self.email_key().into(),
            flag(self.email_verified),
            text(&self.language),
            text(&self.time_zone),
            text(&self.date_format),
            text(&self.username),
            self.username_key().into(),
            text(&self.external_id),
            flag(self.notify_by_email),
            flag(self.notify_by_sms),
            flag(self.is_active),
        ]
    }

    fn email_key(&self) -> Option<&str> {
        self.email.as_ref().map(|email| email.key.as_str())
    }

    fn username_key(&self) -> Option<String> {
        self.username.as_deref().map(text::fold)
    }

    /// The profile once the changes are made to it.
    fn with(&self, changes: &Changes) -> Self {
        let mut after = self.clone();
        changes.name.apply(&mut after.name);
        changes.first_name.apply(&mut after.first_name);
        changes.last_name.apply(&mut after.last_name);
        changes.phone.apply(&mut after.phone);
        changes.email.apply(&mut after.email);
        changes.language.apply(&mut after.language);
        changes.time_zone.apply(&mut after.time_zone);
        changes.date_format.apply(&mut after.date_format);
        changes.username.apply(&mut after.username);
        changes.external_id.apply(&mut after.external_id);
        // What was verified is the old number and the old mailbox. An address that differs in case only is the same one.
        after.phone_verified &= after.phone == self.phone;
        after.email_verified &= after.email_key() == self.email_key();
        for (flag, change) in [
            (&mut after.phone_verified, changes.phone_verified),
            (&mut after.notify_by_email, changes.notify_by_email),
            (&mut after.notify_by_sms, changes.notify_by_sms),
            (&mut after.is_active, changes.is_active),
        ] {
            *flag = change.unwrap_or(*flag);
        }
        after
    }

    /// The columns in which two profiles differ, those that others are compared by left out.
    fn difference(&self, other: &Self) -> Vec<&'static str> {
        let pairs = Self::COLUMNS.into_iter().zip(self.values().into_iter().zip(other.values()));
        pairs
            .filter(|(column, (one, other))| one != other && !column.ends_with("_key"))
            .map(|(column, _)| column)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(address: &str) -> Email {
        Email::parse(address).expect("an address")
    }

    fn verified() -> Profile {
        Profile {
            phone: Some("+358401234567".to_owned()),
            phone_verified: true,
            email: Some(email("jane@example.com")),
            email_verified: true,
            ..Profile::default()
        }
    }

    #[test]
    fn a_new_phone_or_email_is_no_longer_verified_unless_the_request_says_so() {
        let phone = Change::Set("+358407654321".to_owned());
        let after = verified().with(&Changes { phone: phone.clone(), ..Changes::default() });
        assert_eq!((after.phone_verified, after.email_verified), (false, true));
        let after = verified().with(&Changes { phone, phone_verified: Some(true), ..Changes::default() });
        assert_eq!((after.phone_verified, after.email_verified), (true, true));
        let after = verified().with(&Changes { email: Change::Set(email("j@example.com")), ..Changes::default() });
        assert_eq!((after.phone_verified, after.email_verified), (true, false));
        let after = verified().with(&Changes { email: Change::Clear, phone: Change::Clear, ..Changes::default() });
        assert_eq!((after.phone_verified, after.email_verified), (false, false));
    }

    #[test]
    fn an_address_in_another_case_is_the_same_mailbox() {
        let changes = Changes { email: Change::Set(email("Jane@Example.com")), ..Changes::default() };
        let after = verified().with(&changes);
        assert!(after.email_verified);
        assert_eq!(verified().difference(&after), ["email"]);
    }

    #[test]
    fn a_difference_names_columns_and_not_keys() {
        let changes = Changes {
            username: Change::Set("jane".to_owned()),
            is_active: Some(true),
            phone: Change::Clear,
            ..Changes::default()
        };
        assert_eq!(
            verified().difference(&verified().with(&changes)),
            ["phone", "phone_verified", "username", "is_active"]
        );
    }

    fn change() -> impl Strategy<Value = Change<String>> {
        prop_oneof![Just(Change::Keep), Just(Change::Clear), "[a-z]{1,3}".prop_map(Change::Set)]
    }

    proptest! {
        #[test]
        fn the_same_changes_twice_change_nothing_more(
            texts in proptest::array::uniform9(change()),
            flags in proptest::array::uniform4(any::<Option<bool>>()),
        ) {
            let [name, first_name, last_name, phone, language, time_zone, date_format, username, external_id] = texts;
            let [phone_verified, notify_by_email, notify_by_sms, is_active] = flags;
            let changes = Changes {
                name, first_name, last_name, phone, phone_verified, email: Change::Keep, language, time_zone, date_format,
                username, external_id, notify_by_email, notify_by_sms, is_active,
            };
            let once = verified().with(&changes);
            prop_assert_eq!(once.difference(&once.with(&changes)), Vec::<&str>::new());
        }
    }
}
