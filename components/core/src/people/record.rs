//! Records: what one organisation says of somebody, which the endpoint API calls an account. A record is kept with the
//! person, in a row of `users`.
//!
//! [`upsert`] finds the record that a request means, or makes one. One transaction, under the write lock from its
//! beginning: of many requests that bring the same new username at once, the first makes the record and the others find
//! it.
//!
//! Usernames, e-mail addresses, telephone numbers and external ids are unique in the whole directory, whichever account they
//! belong to. Usernames and addresses compare without case.

use serde_json::{Value as Json, json};

use crate::auth::caller::CallingConnector;
use crate::auth::scope::{RECORD_CREATE, RECORD_UPDATE};
use crate::auth::token;
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::people::person::{self, NewPerson, Person, Profile};
use crate::store::climb::climb;
use crate::store::sql::{Sql, rows};
use crate::store::{Edit, Row, Transaction};
use crate::values::change::Change;
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{Role, names};
use crate::values::text;
use crate::values::time::Time;

/// Longest name, username and external id, in characters.
pub const TEXT_MAX: usize = 255;

/// A record, as the directory has it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id of the person within the directory.
    pub id: PersonId,
    /// The id for the world outside: a UUID.
    pub uuid: String,
    /// The account that the record belongs to.
    pub account_id: AccountId,
    /// What it says.
    pub profile: Profile,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed the last time.
    pub updated_at: Time,
}

/// What a request says of somebody: values that are clean and valid, field by field as [`Profile`] has them.
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
    Id(AccountId),
    /// By its registration id.
    RegistrationId(String),
    /// By its name, in any case.
    Name(String),
}

/// The account that a record belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its id.
    pub id: AccountId,
    /// Its registration id, if it has one.
    pub registration_id: Option<String>,
    /// Its name.
    pub name: String,
}

/// A record to be made or changed.
#[derive(Clone, Debug, Default)]
pub struct Upsert {
    /// The [`Record::uuid`] of the record to change.
    pub id: Option<String>,
    /// The account that the record belongs to, if the request says so. It can only be the connector's.
    pub owner: Option<AccountReference>,
    /// What is said of somebody. Without an id, the username and the external id tell which record it is.
    pub changes: Changes,
    /// To make a record, and change none.
    pub insert_only: bool,
}

/// Changes the record that the request means, or makes one: by id, else the one of the username or the external id, else
/// a new one. The record belongs to the connector's account. A request that changes nothing leaves no trace on it.
///
/// A changed e-mail address or telephone number is no longer verified, unless the request says so.
///
/// # Errors
///
/// - [`Error::NotFound`] if there is no record of the id, or the record is of another account.
/// - [`Error::Conflict`] with [`Conflict::Ambiguous`] if username and external id belong to two records.
/// - [`Error::Forbidden`] if the connector may not do what it would come to, making or changing.
/// - [`Error::Invalid`], by the fields' names in [`Profile`] (`owner` for the account, `id`), with every value that
///   another record has, with an owner other than the connector's account, with every way in of a person who reaches what
///   the connector does not, if the username is cleared and was the last way to sign in, and if the last active owner of an account would not be active any more.
pub async fn upsert(edit: &Edit, connector: &CallingConnector, request: &Upsert) -> Result<(Record, Owner)> {
    let (owner, candidates) = candidates(edit, connector, request)?;
    let found = find(connector, request, &candidates)?;
    connector.require_any(if request.insert_only || found.is_none() { &RECORD_CREATE } else { &RECORD_UPDATE })?;

    // Nobody is active whom the request does not say to be (the endpoint API's document, `Is_Active`).
    let before =
        found.map_or_else(|| Profile { is_active: false, ..Profile::default() }, |found| found.profile.clone());
    let after = request.changes.made_to(&before);
    let mut faults = Faults::default();
    check_owner(request, &owner, &mut faults);
    match found {
        Some(_) if request.insert_only => faults.add("id", "is taken already"),
        Some(record) => check_update(edit, connector, record, &after, &mut faults)?,
        None => {}
    }
    let others = candidates.iter().filter(|record| found.is_none_or(|found| found.id != record.id));
    check_unique(&after, others, &mut faults);
    faults.into_result()?;

    let changed = difference(&before, &after);
    // Which fields, not what is in them: the audit outlives the person's data.
    let detail = json!({ "fields": changed });
    let record = match found {
        Some(record) if changed.is_empty() => record.clone(),
        Some(record) => update(edit, record, after, detail).await?,
        None => insert(edit, connector, after, &detail).await?,
    };
    Ok((record, owner))
}

/// Loads the connector's account and every record that has something of the request's: its id, or a value that is unique.
fn candidates(
    transaction: &Transaction,
    connector: &CallingConnector,
    request: &Upsert,
) -> Result<(Owner, Vec<Record>)> {
    let changes = &request.changes;
    let rows = transaction.run(
        "SELECT a.name AS owner_name, a.registration_id, u.id, u.uuid, u.account_id, u.created_at, u.updated_at,
                u.name, u.first_name, u.last_name, u.phone, u.phone_verified, u.email, u.email_key, u.email_verified,
                u.language, u.time_zone, u.date_format, u.username, u.external_id, u.notify_by_email, u.notify_by_sms,
                u.is_active
           FROM accounts a
           LEFT JOIN users u ON u.uuid = ?2 OR u.username_key = ?3 OR u.external_id = ?4 OR u.email_key = ?5 OR u.phone = ?6
          WHERE a.id = ?1",
        &[
            connector.account_id.into(),
            request.id.as_deref().into(),
            changes.username.value().map(|username| text::fold(username)).into(),
            changes.external_id.value().map(String::as_str).into(),
            changes.email.value().map(|email| email.key.as_str()).into(),
            changes.phone.value().map(String::as_str).into(),
        ],
    )?;
    let mut owner = None;
    let mut records = Vec::with_capacity(rows.len());
    for mut row in rows {
        owner = Some(Owner {
            id: connector.account_id,
            name: row.take("owner_name")?,
            registration_id: row.take("registration_id")?,
        });
        records.extend(Record::from_row(&mut row)?);
    }
    // An account that is gone since the token was looked at took the connector with it.
    Ok((owner.ok_or(token::INVALID)?, records))
}

/// The record that the request means.
fn find<'a>(connector: &CallingConnector, request: &Upsert, candidates: &'a [Record]) -> Result<Option<&'a Record>> {
    const NOT_FOUND: Error = Error::NotFound(Thing::Record);
    let of_connector = |record: &&Record| record.account_id == connector.account_id;
    if let Some(id) = &request.id {
        let record = candidates.iter().find(|record| record.uuid == *id).filter(of_connector);
        return record.map(Some).ok_or(NOT_FOUND);
    }
    // What is there already is then a value that is taken, whoever has it.
    if request.insert_only {
        return Ok(None);
    }
    let username = request.changes.username.value().map(|username| text::fold(username));
    let external_id = request.changes.external_id.value();
    let by_username = candidates.iter().find(|record| username.is_some() && record.profile.username_key() == username);
    let by_external_id =
        candidates.iter().find(|record| external_id.is_some() && record.profile.external_id.as_ref() == external_id);
    match (by_username, by_external_id) {
        (Some(one), Some(other)) if one.id != other.id => Err(Error::Conflict(Conflict::Ambiguous)),
        (None, None) => Ok(None),
        (one, other) => one.or(other).filter(of_connector).map(Some).ok_or(NOT_FOUND),
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

/// The fields by which a person signs in, is reached, or is shut out.
const WAYS_IN: [&str; 5] = ["email", "username", "external_id", "phone", "is_active"];

/// What may not be done to a record that there is.
fn check_update(
    transaction: &Transaction,
    connector: &CallingConnector,
    record: &Record,
    after: &Profile,
    faults: &mut Faults,
) -> Result<()> {
    let before = &record.profile;
    let mut ways_in = difference(before, after);
    ways_in.retain(|field| WAYS_IN.contains(field));
    if !ways_in.is_empty() && reaches_further(transaction, connector, record.id)? {
        for field in ways_in {
            faults.add(field, "can only be changed by the person");
        }
    }
    if before.username.is_some() && after.username.is_none() && after.email.is_none() && after.external_id.is_none() {
        faults.add("username", "cannot be cleared: there is no other way to sign in");
    }
    if before.is_active && !after.is_active && is_last_owner(transaction, record.id)? {
        faults.add("is_active", "cannot be cleared: nobody else is an active owner of the organisation");
    }
    Ok(())
}

/// Whether the person reaches what the connector does not: an account that the connector's account does not own, by a
/// membership or an invitation, or a role that is stronger than the connector's rank. Whoever changed how such a person
/// signs in would take over what it may not touch.
fn reaches_further(transaction: &Transaction, connector: &CallingConnector, person_id: PersonId) -> Result<bool> {
    let stronger: Vec<_> = Role::ALL.into_iter().filter(|role| *role > connector.rank).collect();
    let mut row = transaction.run_one(
        concat!(
            "SELECT EXISTS (
                 SELECT 1 FROM memberships m WHERE m.user_id = ?1 AND m.status <> 'inactive' AND (
                     EXISTS (SELECT 1 FROM membership_roles r
                              WHERE r.account_id = m.account_id AND r.user_id = m.user_id
                                AND r.role IN (SELECT value FROM json_each(?3)))
                     OR NOT EXISTS (WITH RECURSIVE ",
            climb!("m.account_id"),
            " SELECT 1 FROM chain WHERE chain.id = ?2))) AS reaches_further"
        ),
        &[person_id.into(), connector.account_id.into(), rows(&names(&stronger))?],
    )?;
    row.take("reaches_further")
}

/// Whether there is an account that this person alone can act for as its owner.
fn is_last_owner(transaction: &Transaction, person_id: PersonId) -> Result<bool> {
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
        &[person_id.into()],
    )?;
    Ok(account.is_some())
}

/// Finds what the record would have in common with `others` and must not.
fn check_unique<'a>(after: &Profile, others: impl Iterator<Item = &'a Record>, faults: &mut Faults) {
    for Record { profile: other, .. } in others {
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

async fn insert(edit: &Edit, connector: &CallingConnector, profile: Profile, detail: &Json) -> Result<Record> {
    let account_id = connector.account_id;
    let new = NewPerson { profile, password_hash: None };
    let Person { id, uuid, created_at } = person::insert_one_noted(edit, account_id, &new, detail).await?;
    Ok(Record { id, uuid, account_id, profile: new.profile, created_at, updated_at: created_at })
}

async fn update(edit: &Edit, record: &Record, profile: Profile, detail: Json) -> Result<Record> {
    // Not earlier than it was, should the clock have been set back.
    let updated_at = Time::now().max(record.updated_at);
    let mut statement = Sql::default();
    statement.push("UPDATE users SET version = version + 1, updated_at = ");
    statement.bind(updated_at);
    for (column, field) in Profile::COLUMNS.into_iter().zip(profile.fields()) {
        statement.push(", ");
        statement.push(column);
        statement.push(" = ");
        statement.bind(field);
    }
    statement.push(" WHERE id = ");
    statement.bind(record.id);
    edit.run(&statement.text, &statement.parameters)?;
    edit.record("updated", "users", &[(record.id, detail)]).await?;
    Ok(Record { profile, updated_at, ..record.clone() })
}

impl Record {
    /// Takes the record of a row of [`candidates`], if there is one in it.
    fn from_row(row: &mut Row) -> Result<Option<Self>> {
        let Some(id) = row.take("id")? else { return Ok(None) };
        Ok(Some(Self {
            id,
            uuid: row.take("uuid")?,
            account_id: row.take("account_id")?,
            created_at: row.take("created_at")?,
            updated_at: row.take("updated_at")?,
            profile: Profile::from_row(row)?,
        }))
    }
}

impl Changes {
    /// What is known of somebody once the changes are made.
    fn made_to(&self, before: &Profile) -> Profile {
        let mut after = before.clone();
        self.name.apply(&mut after.name);
        self.first_name.apply(&mut after.first_name);
        self.last_name.apply(&mut after.last_name);
        self.phone.apply(&mut after.phone);
        self.email.apply(&mut after.email);
        self.language.apply(&mut after.language);
        self.time_zone.apply(&mut after.time_zone);
        self.date_format.apply(&mut after.date_format);
        self.username.apply(&mut after.username);
        self.external_id.apply(&mut after.external_id);
        // What was verified is the old number and the old mailbox. An address that differs in case only is the same one.
        after.phone_verified &= after.phone == before.phone;
        after.email_verified &= after.email_key() == before.email_key();
        for (flag, change) in [
            (&mut after.phone_verified, self.phone_verified),
            (&mut after.notify_by_email, self.notify_by_email),
            (&mut after.notify_by_sms, self.notify_by_sms),
            (&mut after.is_active, self.is_active),
        ] {
            *flag = change.unwrap_or(*flag);
        }
        after
    }
}

/// The columns in which two profiles differ, those that others are compared by left out.
fn difference(one: &Profile, other: &Profile) -> Vec<&'static str> {
    let pairs = Profile::COLUMNS.into_iter().zip(one.fields().into_iter().zip(other.fields()));
    pairs.filter(|(column, (one, other))| one != other && !column.ends_with("_key")).map(|(column, _)| column).collect()
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
            is_active: false,
            ..Profile::default()
        }
    }

    #[test]
    fn a_new_phone_or_email_is_no_longer_verified_unless_the_request_says_so() {
        let verified_after = |changes: Changes| {
            let after = changes.made_to(&verified());
            (after.phone_verified, after.email_verified)
        };
        let phone = Change::Set("+358407654321".to_owned());
        assert_eq!(verified_after(Changes { phone: phone.clone(), ..Changes::default() }), (false, true));
        let said = Changes { phone, phone_verified: Some(true), ..Changes::default() };
        assert_eq!(verified_after(said), (true, true));
        let moved = Changes { email: Change::Set(email("j@example.com")), ..Changes::default() };
        assert_eq!(verified_after(moved), (true, false));
        let cleared = Changes { email: Change::Clear, phone: Change::Clear, ..Changes::default() };
        assert_eq!(verified_after(cleared), (false, false));
    }

    #[test]
    fn an_address_in_another_case_is_the_same_mailbox() {
        let changes = Changes { email: Change::Set(email("Jane@Example.com")), ..Changes::default() };
        let after = changes.made_to(&verified());
        assert!(after.email_verified);
        assert_eq!(difference(&verified(), &after), ["email"]);
    }

    #[test]
    fn a_difference_names_columns_and_not_keys() {
        let changes = Changes {
            username: Change::Set("jane".to_owned()),
            is_active: Some(true),
            phone: Change::Clear,
            ..Changes::default()
        };
        let after = changes.made_to(&verified());
        assert_eq!(difference(&verified(), &after), ["phone", "phone_verified", "username", "is_active"]);
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
            let once = changes.made_to(&verified());
            prop_assert_eq!(difference(&once, &changes.made_to(&once)), Vec::<&str>::new());
        }
    }
}
