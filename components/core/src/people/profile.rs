//! What one organisation says of somebody: the fields of a record, and the columns that hold them.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::Result;
use crate::store::{Row, Value};
use crate::values::email::Email;
use crate::values::text;

/// What a record says of somebody. The default is somebody of whom nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The telephone number in E.164's form, see [`crate::values::phone`].
    pub phone: Option<String>,
    /// Whether the organisation has made sure that the number is the person's.
    pub phone_verified: bool,
    /// The e-mail address.
    pub email: Option<Email>,
    /// One of [`crate::values::enumeration::LANGUAGES`].
    pub language: Option<String>,
    /// One of [`crate::values::enumeration::TIME_ZONES`].
    pub time_zone: Option<String>,
    /// One of [`crate::values::enumeration::DATE_FORMATS`].
    pub date_format: Option<String>,
    /// The organisation's name for the person. It signs nobody in.
    pub username: Option<String>,
    /// The organisation's id of the person.
    pub external_id: Option<String>,
    /// Whether the person wants to be told by e-mail.
    pub notify_by_email: bool,
    /// Whether the person wants to be told by text message.
    pub notify_by_sms: bool,
    /// Whether the organisation lets the person in; `None` while it has not said.
    pub is_active: Option<bool>,
}

/// What a column of [`Profile::COLUMNS`] holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Field<'a> {
    /// A text, or nothing.
    Text(Option<Cow<'a, str>>),
    /// A flag, or nothing.
    Flag(Option<bool>),
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
            Field::Flag(flag) => flag.map(i64::from).into(),
        }
    }
}

impl Profile {
    /// The columns of [`Profile::fields`], in its order.
    pub(super) const COLUMNS: [&'static str; 16] = [
        "name",
        "first_name",
        "last_name",
        "phone",
        "phone_verified",
        "email",
        "email_key",
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
    pub(super) fn fields(&self) -> [Field<'_>; 16] {
        [
            Field::text(self.name.as_deref()),
            Field::text(self.first_name.as_deref()),
            Field::text(self.last_name.as_deref()),
            Field::text(self.phone.as_deref()),
            Field::Flag(Some(self.phone_verified)),
            Field::text(self.email.as_ref().map(|email| email.address.as_str())),
            Field::text(self.email_key()),
            Field::text(self.language.as_deref()),
            Field::text(self.time_zone.as_deref()),
            Field::text(self.date_format.as_deref()),
            Field::text(self.username.as_deref()),
            Field::Text(self.username_key().map(Cow::Owned)),
            Field::text(self.external_id.as_deref()),
            Field::Flag(Some(self.notify_by_email)),
            Field::Flag(Some(self.notify_by_sms)),
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
