//! Records: what one organisation says of somebody, which the endpoint API calls an account. A record acts inside its
//! organisation only, and changes nothing of how anybody signs in: its address, once the organisation says that it is active,
//! is given the role `user` there, and who has proved that address may enter.
//!
//! [`upsert`] finds the record that a request means, or makes one. Of many requests that bring the same new username at once, the
//! first makes the record and the others find it, see [`crate::store::draft`].
//!
//! Usernames, e-mail addresses, telephone numbers and external ids are unique among the records of one organisation. Usernames
//! and addresses compare without case. What another organisation says is neither seen nor told.

use serde_json::{Value as Json, json};

use crate::auth::caller::{CallingConnector, same_connector};
use crate::auth::scope::{RECORD_CREATE, RECORD_UPDATE};
use crate::auth::{secret, token};
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::people::profile::Profile;
use crate::store::audit::Changed;
use crate::store::draft::{ATTEMPTS, Draft, Premise, objects};
use crate::store::{Author, Connection, Edit, Row};
use crate::values::change::Change;
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::text;
use crate::values::time::Time;

mod standing;

use standing::{Consequences, Standing};

/// Longest name, username and external id, in characters.
pub const TEXT_MAX: usize = 255;

/// A record, as the directory has it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id for the world outside: a UUID.
    pub uuid: String,
    /// The account that the record belongs to.
    pub account_id: AccountId,
    /// Who has entered the account by it.
    pub person_id: Option<PersonId>,
    /// What it says.
    pub profile: Profile,
    /// Whether somebody who has entered the account, and whom it knows by the address, has proved that.
    pub email_verified: bool,
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
/// A changed telephone number is no longer verified, unless the request says so.
///
/// # Errors
///
/// - [`Error::NotFound`] if there is no record of the id to change, or the record is of another account.
/// - [`Error::Conflict`] with [`Conflict::Ambiguous`] if username and external id belong to two records.
/// - [`Error::Forbidden`] if the connector may not do what it would come to, making or changing.
/// - [`Error::Invalid`], by the fields' names in [`Profile`] (`owner` for the account, `id`), with an id for a record
///   to be made, with every value that another record of the account has, with an owner other than the connector's account, with `is_active` if the member
///   ranks above the connector, or is the last who can come in as an owner, and with an address at the directory's own domain.
pub async fn upsert(author: Author, connector: &CallingConnector, request: &Upsert) -> Result<Written> {
    let connection = Connection::lease().await?;
    // What is said of somebody and has no consequences is planned before the lock, and written by one statement.
    for _ in 0..ATTEMPTS {
        let (premise, met) = ask(&connection, connector, request).await?;
        let plan = Plan::make(connector, request, met)?;
        if !plan.consequences.are_none() {
            break;
        }
        if plan.detail.is_none() {
            return Ok(plan.written());
        }
        let mut draft = Draft::new(author.clone());
        plan.draft(&mut draft, plan.enters.or(plan.record.person_id))?;
        connector.succeeds(&mut draft)?;
        if draft.apply(&connection, &[premise]).await? {
            return Ok(plan.written());
        }
    }
    drop(connection);
    let edit = Edit::begin(author).await?;
    let (_, met) = ask(edit.connection(), connector, request).await?;
    let plan = Plan::make(connector, request, met)?;
    plan.draft(&mut edit.draft(), plan.record.person_id)?;
    edit.write().await?;
    let Plan { record, before, .. } = &plan;
    Standing { edit: &edit, connector, record, before }.settle(plan.consequences).await?;
    if let Some(person_id) = plan.enters {
        let uuid = record.uuid.as_str();
        edit.run("UPDATE records SET person_id = ?2 WHERE uuid = ?1", &[uuid.into(), person_id.into()])?;
    }
    connector.succeeds(&mut edit.draft())?;
    edit.commit().await?;
    Ok(Written { changed: true, ..plan.written() })
}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Written {
    /// The record, as it is now.
    pub record: Record,
    /// The account that it belongs to.
    pub owner: Owner,
    /// Whether anything was written.
    pub changed: bool,
}

/// What a request comes to.
struct Plan {
    owner: Owner,
    /// The record, as it is to be.
    record: Record,
    /// What it has said until now.
    before: Profile,
    is_new: bool,
    /// What the audit tells of it, if it changes or is made.
    detail: Option<Json>,
    /// What the organisation says of somebody who is in is said of that person from now on, whatever becomes of the address.
    enters: Option<PersonId>,
    consequences: Consequences,
}

impl Plan {
    fn make(connector: &CallingConnector, request: &Upsert, met: Met) -> Result<Self> {
        let Met { owner, records, entered } = met;
        let found = find(request, &records)?;
        connector.require_any(if request.insert_only || found.is_none() { &RECORD_CREATE } else { &RECORD_UPDATE })?;

        let before = found.map_or_else(Profile::default, |found| found.profile.clone());
        let after = request.changes.made_to(&before);
        let mut faults = Faults::default();
        check_owner(request, &owner, &mut faults);
        if found.is_some() && request.insert_only {
            faults.add("id", "is taken already");
        } else if found.is_none() && request.id.is_some() {
            faults.add("id", "is unknown: leave it out, for a new account gets one");
        }
        let others = records.iter().filter(|record| found.is_none_or(|found| found.uuid != record.uuid));
        check_unique(&after, others, &mut faults);
        faults.into_result()?;

        let changed = difference(&before, &after);
        let (is_new, is_changed, now) = (found.is_none(), !changed.is_empty(), Time::now());
        let mut record = match found {
            Some(record) if !is_changed => record.clone(),
            // Not earlier than it was, should the clock have been set back.
            Some(record) => Record { profile: after, updated_at: now.max(record.updated_at), ..record.clone() },
            None => Record {
                uuid: secret::uuids(1)?.remove(0),
                account_id: connector.account_id,
                person_id: None,
                profile: after,
                email_verified: false,
                created_at: now,
                updated_at: now,
            },
        };
        let is_moved = record.profile.email_key() != before.email_key();
        if is_moved {
            record.email_verified = entered.is_some();
        }
        let enters = entered.filter(|_| is_moved && record.person_id.is_none());
        let consequences = Consequences::of(&record, &before, request.changes.is_active);
        let detail = (is_new || is_changed).then(|| changed.into_detail());
        Ok(Self { owner, record, before, is_new, detail, enters, consequences })
    }

    /// Drafts the record, by which `person_id` has entered.
    fn draft(&self, draft: &mut Draft, person_id: Option<PersonId>) -> Result<()> {
        let Some(detail) = &self.detail else { return Ok(()) };
        let Record { uuid, account_id, profile, updated_at, .. } = &self.record;
        let mut row = vec![json!(uuid), json!(person_id)];
        row.extend(profile.fields().iter().map(|field| json!(field)));
        let common = (account_id, updated_at);
        let action = if self.is_new {
            draft.step("records", &[row], common)?;
            "created"
        } else {
            draft.step("record", &[row], common)?;
            "updated"
        };
        draft.note(action, "records", &[(uuid, detail.clone())])
    }

    fn written(self) -> Written {
        let person_id = self.enters.or(self.record.person_id);
        Written { record: Record { person_id, ..self.record }, owner: self.owner, changed: self.detail.is_some() }
    }
}

/// What a request meets.
struct Met {
    owner: Owner,
    records: Vec<Record>,
    /// Who has proved the request's address, and entered the account.
    entered: Option<PersonId>,
}

/// Who has proved the address of a key, and entered the account, which knows the person by it, as an expression.
macro_rules! entered_by {
    ($key:literal, $account:literal) => {
        concat!(
            "(SELECT d.person_id FROM addresses d
                       JOIN memberships m ON m.account_id = ",
            $account,
            " AND m.person_id = d.person_id AND m.entered_at IS NOT NULL
                      WHERE d.key = ",
            $key,
            " AND d.proved_at IS NOT NULL AND d.retired_at IS NULL AND ",
            $crate::accounts::members::knows!(),
            ")"
        )
    };
}

/// The columns of an account `a` as an [`Owner`], and of a record `r` of it.
macro_rules! columns {
    () => {
        concat!(
            "a.name AS owner_name, a.registration_id, r.id, r.uuid, r.account_id, r.person_id, r.created_at, r.updated_at,
                    r.name, r.first_name, r.last_name, r.phone, r.phone_verified, r.email, r.email_key, r.language,
                    r.time_zone, r.date_format, r.username, r.external_id, r.notify_by_email, r.notify_by_sms, r.is_active, ",
            entered_by!("r.email_key", "r.account_id"),
            " IS NOT NULL AS email_verified"
        )
    };
}

/// What [`Owner::from_row`] and [`Record::from_row`] take.
pub(super) const COLUMNS: &str = columns!();

/// The columns of [`COLUMNS`] by their names, but for those of the profile.
const NAMES: [&str; 8] =
    ["owner_name", "registration_id", "uuid", "account_id", "person_id", "created_at", "updated_at", "email_verified"];

/// Asks for the connector's account and every record of it that has something of the request's: its id, or a value that is
/// unique. All that a request comes to follows from it and from the answer, but for what members have.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if the connector is no more what it was when it called.
async fn ask(connection: &Connection, connector: &CallingConnector, request: &Upsert) -> Result<(Premise, Met)> {
    let names = NAMES.iter().chain(Profile::COLUMNS.iter().filter(|name| **name != "username_key")).chain(&["entered"]);
    let query = concat!(
        "SELECT ",
        columns!(),
        ", ",
        entered_by!("?5", "?1"),
        " AS entered
           FROM accounts a
           LEFT JOIN (
                SELECT id AS match FROM records WHERE uuid = ?2 AND account_id = ?1
                UNION SELECT id FROM records WHERE account_id = ?1 AND username_key = ?3
                UNION SELECT id FROM records WHERE account_id = ?1 AND external_id = ?4
                UNION SELECT id FROM records WHERE account_id = ?1 AND email_key = ?5
                UNION SELECT id FROM records WHERE account_id = ?1 AND phone = ?6)
           LEFT JOIN records r ON r.id = match
          WHERE a.id = ?1"
    );
    let question = format!("iif({}, {}, NULL)", same_connector!("?7", "?8"), objects(names.copied(), query));
    let changes = &request.changes;
    let parameters = vec![
        connector.account_id.into(),
        request.id.as_deref().into(),
        changes.username.value().map(|username| text::lower(username)).into(),
        changes.external_id.value().map(String::as_str).into(),
        changes.email.value().map(|email| email.key.as_str()).into(),
        changes.phone.value().map(String::as_str).into(),
        connector.id.into(),
        connector.secret_version.into(),
    ];
    let premise = Premise::ask(connection, question, parameters).await?;
    let mut met: Option<Met> = None;
    for mut row in premise.rows()? {
        let met = match &mut met {
            Some(met) => met,
            none => none.insert(Met {
                owner: Owner::from_row(connector, &mut row)?,
                records: Vec::new(),
                entered: row.take("entered")?,
            }),
        };
        met.records.extend(Record::from_row(&mut row)?);
    }
    // An account that is gone since the token was looked at took the connector with it.
    Ok((premise, met.ok_or(token::INVALID)?))
}

/// The record that the request means.
fn find<'a>(request: &Upsert, records: &'a [Record]) -> Result<Option<&'a Record>> {
    if let Some(id) = &request.id {
        let record = records.iter().find(|record| record.uuid == *id);
        // To insert there need be none; what becomes of the id then is told as a fault of it.
        return if record.is_none() && !request.insert_only { Err(Error::NotFound(Thing::Record)) } else { Ok(record) };
    }
    // What is there already is then a value that is taken, whoever has it.
    if request.insert_only {
        return Ok(None);
    }
    let username = request.changes.username.value().map(|username| text::lower(username));
    let external_id = request.changes.external_id.value();
    let by_username = records.iter().find(|record| username.is_some() && record.profile.username_key() == username);
    let by_external_id =
        records.iter().find(|record| external_id.is_some() && record.profile.external_id.as_ref() == external_id);
    match (by_username, by_external_id) {
        (Some(one), Some(other)) if one.uuid != other.uuid => Err(Error::Conflict(Conflict::Ambiguous)),
        (one, other) => Ok(one.or(other)),
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

impl Owner {
    /// Takes the connector's account of a row that has [`COLUMNS`].
    pub(super) fn from_row(connector: &CallingConnector, row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: connector.account_id,
            name: row.take("owner_name")?,
            registration_id: row.take("registration_id")?,
        })
    }
}

impl Record {
    /// Takes the record of a row that has [`COLUMNS`], if there is one in it.
    pub(super) fn from_row(row: &mut Row) -> Result<Option<Self>> {
        let Some(uuid) = row.take("uuid")? else { return Ok(None) };
        Ok(Some(Self {
            uuid,
            account_id: row.take("account_id")?,
            person_id: row.take("person_id")?,
            email_verified: row.take("email_verified")?,
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
        // What was verified is the old number.
        after.phone_verified &= after.phone == before.phone;
        for (flag, change) in [
            (&mut after.phone_verified, self.phone_verified),
            (&mut after.notify_by_email, self.notify_by_email),
            (&mut after.notify_by_sms, self.notify_by_sms),
        ] {
            *flag = change.unwrap_or(*flag);
        }
        after.is_active = self.is_active.or(after.is_active);
        after
    }
}

/// The columns in which two profiles differ, those that others are compared by left out.
fn difference(before: &Profile, after: &Profile) -> Changed {
    let mut changed = Changed::default();
    for (column, (before, after)) in Profile::COLUMNS.into_iter().zip(before.fields().into_iter().zip(after.fields())) {
        if !column.ends_with("_key") {
            changed.note(column, &before, &after);
        }
    }
    changed
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
            ..Profile::default()
        }
    }

    /// The columns in which two profiles differ.
    fn columns(before: &Profile, after: &Profile) -> Vec<String> {
        let detail = difference(before, after).into_detail();
        detail["after"].as_object().expect("an object").keys().cloned().collect()
    }

    #[test]
    fn a_new_phone_is_no_longer_verified_unless_the_request_says_so() {
        let verified_after = |changes: Changes| changes.made_to(&verified()).phone_verified;
        let phone = Change::Set("+358407654321".to_owned());
        assert!(!verified_after(Changes { phone: phone.clone(), ..Changes::default() }));
        assert!(verified_after(Changes { phone, phone_verified: Some(true), ..Changes::default() }));
        assert!(!verified_after(Changes { phone: Change::Clear, ..Changes::default() }));
        assert!(verified_after(Changes { email: Change::Set(email("j@example.com")), ..Changes::default() }));
    }

    #[test]
    fn a_difference_names_columns_and_not_keys_with_the_values_before_and_after() {
        let changes = Changes {
            username: Change::Set("Jane".to_owned()),
            is_active: Some(true),
            phone: Change::Clear,
            ..Changes::default()
        };
        let detail = difference(&verified(), &changes.made_to(&verified())).into_detail();
        let expected = serde_json::json!({
            "before": { "phone": "+358401234567", "phone_verified": true, "username": null, "is_active": null },
            "after": { "phone": null, "phone_verified": false, "username": "Jane", "is_active": true },
        });
        assert_eq!(detail, expected);
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
            prop_assert_eq!(columns(&once, &changes.made_to(&once)), Vec::<String>::new());
        }
    }
}
