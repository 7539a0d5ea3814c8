//! People who can sign in, in the table `users`: what is known of one, and the one place where they are made.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::{iter, slice};

use anyhow::anyhow;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::auth::secret;
use crate::error::{Error, Result, Thing};
use crate::store::sql::rows;
use crate::store::{Connection, Edit, Row, Transaction, Value};
use crate::values::email::Email;
use crate::values::id::{AccountId, PersonId};
use crate::values::text;
use crate::values::time::Time;

/// What is known of a person, and can be changed. The default is somebody of whom nothing is known, and who may sign in.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own; they make no state together")]
#[derive(Clone, Debug)]
pub struct Profile {
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The telephone number in E.164's form, see [`crate::values::phone`].
    pub phone: Option<String>,
    /// Whether somebody has made sure that the number is the person's.
    pub phone_verified: bool,
    /// The e-mail address.
    pub email: Option<Email>,
    /// Whether somebody has made sure that the address is the person's.
    pub email_verified: bool,
    /// One of [`crate::values::enumeration::LANGUAGES`].
    pub language: Option<String>,
    /// One of [`crate::values::enumeration::TIME_ZONES`].
    pub time_zone: Option<String>,
    /// One of [`crate::values::enumeration::DATE_FORMATS`].
    pub date_format: Option<String>,
    /// The name to sign in by.
    pub username: Option<String>,
    /// The id by which an external sign-in knows the person.
    pub external_id: Option<String>,
    /// Whether the person wants to be told by e-mail.
    pub notify_by_email: bool,
    /// Whether the person wants to be told by text message.
    pub notify_by_sms: bool,
    /// Whether the person may sign in.
    pub is_active: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: None,
            first_name: None,
            last_name: None,
            phone: None,
            phone_verified: false,
            email: None,
            email_verified: false,
            language: None,
            time_zone: None,
            date_format: None,
            username: None,
            external_id: None,
            notify_by_email: false,
            notify_by_sms: false,
            is_active: true,
        }
    }
}

/// What a column of [`Profile::COLUMNS`] holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Field<'a> {
    /// A text, or nothing.
    Text(Option<Cow<'a, str>>),
    /// A flag.
    Flag(bool),
}

impl<'a> Field<'a> {
    fn text(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<Field<'_>> for Value {
    fn from(field: Field<'_>) -> Self {
        match field {
            Field::Text(text) => text.map(Cow::into_owned).into(),
            Field::Flag(flag) => i64::from(flag).into(),
        }
    }
}

impl Profile {
    /// The columns of [`Profile::fields`], in its order.
    pub(super) const COLUMNS: [&'static str; 17] = [
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

    /// What the columns hold.
    pub(super) fn fields(&self) -> [Field<'_>; 17] {
        [
            Field::text(self.name.as_deref()),
            Field::text(self.first_name.as_deref()),
            Field::text(self.last_name.as_deref()),
            Field::text(self.phone.as_deref()),
            Field::Flag(self.phone_verified),
            Field::text(self.email.as_ref().map(|email| email.address.as_str())),
            Field::text(self.email_key()),
            Field::Flag(self.email_verified),
            Field::text(self.language.as_deref()),
            Field::text(self.time_zone.as_deref()),
            Field::text(self.date_format.as_deref()),
            Field::text(self.username.as_deref()),
            Field::Text(self.username_key().map(Cow::Owned)),
            Field::text(self.external_id.as_deref()),
            Field::Flag(self.notify_by_email),
            Field::Flag(self.notify_by_sms),
            Field::Flag(self.is_active),
        ]
    }

    /// Takes the profile of a row that has the columns.
    pub(super) fn from_row(row: &mut Row) -> Result<Self> {
        let email = row.take::<Option<String>>("email")?.zip(row.take::<Option<String>>("email_key")?);
        Ok(Self {
            name: row.take("name")?,
            first_name: row.take("first_name")?,
            last_name: row.take("last_name")?,
            phone: row.take("phone")?,
            phone_verified: row.take("phone_verified")?,
            email: email.map(|(address, key)| Email { address, key }),
            email_verified: row.take("email_verified")?,
            language: row.take("language")?,
            time_zone: row.take("time_zone")?,
            date_format: row.take("date_format")?,
            username: row.take("username")?,
            external_id: row.take("external_id")?,
            notify_by_email: row.take("notify_by_email")?,
            notify_by_sms: row.take("notify_by_sms")?,
            is_active: row.take("is_active")?,
        })
    }

    /// What addresses are compared by.
    pub(super) fn email_key(&self) -> Option<&str> {
        self.email.as_ref().map(|email| email.key.as_str())
    }

    /// What usernames are compared by.
    pub(super) fn username_key(&self) -> Option<String> {
        self.username.as_deref().map(text::fold)
    }
}

/// A person to be made. The values are clean and valid.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// What is known of the person.
    pub profile: Profile,
    /// The Argon2id hash of the password, if the person has one.
    pub password_hash: Option<String>,
}

impl NewPerson {
    /// The columns of [`NewPerson::fields`], in its order, after those of the profile.
    const COLUMNS: [&'static str; 2] = ["password_hash", "password_version"];

    /// What the columns hold, those of the profile first.
    fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let hash = self.password_hash.as_deref();
        // A first password is the version 1, no password the version 0.
        self.profile.fields().into_iter().chain([Field::text(hash), Field::Flag(hash.is_some())])
    }
}

/// A person who was made.
#[derive(Clone, Debug)]
pub struct Person {
    /// The id within the directory.
    pub id: PersonId,
    /// The id for the world outside: a UUID.
    pub uuid: String,
    /// When the person was made.
    pub created_at: Time,
}

/// Makes people whose home is the account, and returns them in the order of `people`.
///
/// # Errors
///
/// [`Error::Duplicate`] if somebody has a username, an address, a number or an external id already.
pub async fn insert_all(edit: &Edit, home: AccountId, people: &[NewPerson]) -> Result<Vec<Person>> {
    insert_noted(edit, home, people, &Json::Null).await
}

/// As [`insert_all`], for one.
pub async fn insert(edit: &Edit, home: AccountId, person: &NewPerson) -> Result<Person> {
    insert_one_noted(edit, home, person, &Json::Null).await
}

/// As [`insert`], with what the audit is to say beyond that the person was made.
pub(super) async fn insert_one_noted(
    edit: &Edit,
    home: AccountId,
    person: &NewPerson,
    detail: &Json,
) -> Result<Person> {
    let made = insert_noted(edit, home, slice::from_ref(person), detail).await?.pop();
    made.ok_or_else(|| Error::Internal(anyhow!("an insert returned nobody")))
}

async fn insert_noted(edit: &Edit, home: AccountId, people: &[NewPerson], detail: &Json) -> Result<Vec<Person>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let uuids = new_uuids(people.len())?;
    let used = used(people);
    let columns = Profile::COLUMNS.into_iter().chain(NewPerson::COLUMNS).zip(&used).filter(|(_, used)| **used);
    let (mut names, mut values) = (String::new(), String::new());
    for ((column, _), place) in columns.zip(1..) {
        // Writing to a string never fails.
        let _ = write!(names, ", {column}");
        let _ = write!(values, ", value ->> {place}");
    }
    let statement = format!(
        "INSERT INTO users (account_id, origin, created_at, updated_at, uuid{names})
         SELECT ?1, ?2, ?3, ?3, value ->> 0{values} FROM json_each(?4) RETURNING id, uuid"
    );
    let origin = match edit.author.api {
        "oauth" => "operator",
        api => api,
    };
    let created_at = Time::now();
    let given = uuids.iter().zip(people).map(|(uuid, person)| Given { uuid, person, used: &used });
    let parameters = vec![home.into(), origin.into(), created_at.into(), rows(&given.collect::<Vec<_>>())?];
    let inserted = match people {
        [_] => edit.run(&statement, &parameters)?,
        _ => edit.batch(&statement, parameters).await?,
    };
    // SQLite does not promise to return the rows in the order in which they went in.
    let ids = inserted.into_iter().map(|mut row| Ok((row.take("uuid")?, row.take("id")?)));
    let mut ids = ids.collect::<Result<HashMap<String, PersonId>>>()?;
    let made = uuids.into_iter().map(|uuid| {
        let id = ids.remove(&uuid).ok_or_else(|| Error::Internal(anyhow!("an insert returned too few people")))?;
        Ok(Person { id, uuid, created_at })
    });
    let made = made.collect::<Result<Vec<_>>>()?;
    let notes: Vec<_> = made.iter().map(|person| (person.id, detail.clone())).collect();
    edit.record("created", "users", &notes).await?;
    Ok(made)
}

/// New UUIDs. Their random bits are asked for at once: one by one that would take long.
fn new_uuids(count: usize) -> Result<Vec<String>> {
    let mut random = vec![[0; 16]; count];
    secret::fill(random.as_flattened_mut())?;
    Ok(random.into_iter().map(|bits| uuid::Builder::from_random_bytes(bits).into_uuid().to_string()).collect())
}

/// Which columns an insert names: those in which some of the people differ from somebody of whom nothing is known, who has
/// the defaults of the table. A batch of addresses is an insert of addresses.
fn used(people: &[NewPerson]) -> Vec<bool> {
    let blank = NewPerson::default();
    let mut used = vec![false; blank.fields().count()];
    for person in people {
        for (used, (field, blank)) in used.iter_mut().zip(person.fields().zip(blank.fields())) {
            *used |= field != blank;
        }
    }
    used
}

/// A person as a row of an insert: the UUID, and what the columns hold that are used.
struct Given<'a> {
    uuid: &'a str,
    person: &'a NewPerson,
    used: &'a [bool],
}

impl Serialize for Given<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.person.fields().zip(self.used).filter(|(_, used)| **used).map(|(field, _)| field);
        serializer.collect_seq(iter::once(Field::text(Some(self.uuid))).chain(fields))
    }
}

/// The person of an address, by its key: the id, and the address as it was given.
pub fn find_by_address(transaction: &Transaction, email_key: &str) -> Result<Option<(PersonId, String)>> {
    let row = transaction.run_first("SELECT id, email FROM users WHERE email_key = ?", &[email_key.into()])?;
    row.map(|mut row| Ok((row.take("id")?, row.take("email")?))).transpose()
}

/// The key of a person's address and the hash of the password, to change the password by.
///
/// # Errors
///
/// [`Error::NotFound`] if there is no such person.
pub fn credentials(connection: &Connection, person_id: PersonId) -> Result<(Option<String>, Option<String>)> {
    let row = connection.query_first("SELECT email_key, password_hash FROM users WHERE id = ?", &[person_id.into()])?;
    let mut row = row.ok_or(Error::NotFound(Thing::Person))?;
    Ok((row.take("email_key")?, row.take("password_hash")?))
}

/// Sets a password, and ends every session of the person: refresh tokens go, and access tokens know the version of the
/// password that they were issued with.
pub async fn set_password(edit: &Edit, person_id: PersonId, password_hash: &str) -> Result<()> {
    edit.run(
        "UPDATE users SET password_hash = ?2, password_version = password_version + 1, version = version + 1, updated_at = ?3
          WHERE id = ?1",
        &[person_id.into(), password_hash.into(), Time::now().into()],
    )?;
    edit.run("DELETE FROM refresh_tokens WHERE user_id = ?", &[person_id.into()])?;
    edit.record("password changed", "users", &[(person_id, Json::Null)]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_names_the_columns_that_somebody_has_a_value_for() {
        let address = |address: &str| {
            let email = Some(Email::parse(address).expect("an address"));
            NewPerson { profile: Profile { email, ..Profile::default() }, password_hash: None }
        };
        let names = |people: &[NewPerson]| -> Vec<&str> {
            let columns = Profile::COLUMNS.into_iter().chain(NewPerson::COLUMNS).zip(used(people));
            columns.filter(|(_, used)| *used).map(|(column, _)| column).collect()
        };
        let mut people = vec![NewPerson::default(), address("a@example.com")];
        assert_eq!(names(&people), ["email", "email_key"]);
        people[1].password_hash = Some("$argon2id$".to_owned());
        people[0].profile.is_active = false;
        assert_eq!(names(&people), ["email", "email_key", "is_active", "password_hash", "password_version"]);

        let used = used(&people);
        let row = serde_json::to_value(Given { uuid: "u", person: &people[1], used: &used }).expect("a row");
        let expected = serde_json::json!(["u", "a@example.com", "a@example.com", true, "$argon2id$", true]);
        assert_eq!(row, expected);
    }
}
