//! The answer: the record of an account with its foreign keys as objects.

use accord_core::people::reading::Page;
use accord_core::people::record::{Owner, Record, TEXT_MAX};
use accord_core::values::enumeration::{DATE_FORMATS, Enumeration, LANGUAGES, TIME_ZONES};
use accord_core::values::id::AccountId;
use accord_core::values::time::Time;
use accord_web::described::{
    AccountName, EmailAddress, FirstName, FullName, Id, LastName, Phone, RegistrationId, Timestamp, Username, Uuid,
    text,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::paging::Next;

accord_web::values! {
    /// A text of a record.
    ShownText = text(TEXT_MAX).examples(["Doe"]);
}

/// The record of Account information.
///
/// A field without a value is `null`.
#[expect(clippy::struct_excessive_bools, reason = "the document has them")]
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    /// The identifier of account
    #[schema(value_type = Uuid)]
    id: String,
    /// The organisation that the account belongs to: the one of the client that made it
    tenant_id: AbstractLong,
    /// The name of the account
    #[schema(value_type = Option<FullName>)]
    name: Option<String>,
    /// Person's first name
    #[schema(value_type = Option<FirstName>)]
    first_name: Option<String>,
    /// Person's last name
    #[schema(value_type = Option<LastName>)]
    last_name: Option<String>,
    /// The phone number of account. The phone number is unique in the system
    #[schema(value_type = Option<Phone>)]
    phone: Option<String>,
    /// Indicates whether the phone number has been verified.
    phone_verified: bool,
    /// The e-mail of account. The email is unique in the system
    #[schema(value_type = Option<EmailAddress>)]
    email: Option<String>,
    /// Indicates whether the email address has been verified.
    email_verified: bool,
    /// The language
    language_id: Option<AbstractText>,
    /// The time zone
    timezone_id: Option<AbstractText>,
    /// The date format
    date_format_id: Option<AbstractText>,
    /// Username used to log in into the system. The username is unique in the system
    #[schema(value_type = Option<Username>)]
    username: Option<String>,
    /// External Authentication identifier. Example Azure AD guid
    #[schema(value_type = Option<ShownText>)]
    external_id: Option<String>,
    /// Defines if a person should get notifications via e-mail
    notify_by_email: bool,
    /// Defines if a contact should get notifications via SMS
    #[serde(rename = "NotifyBySMS")]
    notify_by_sms: bool,
    /// Defines if the account is active and can be used
    #[serde(rename = "Is_Active")]
    is_active: bool,
    /// The date the record was updated
    #[schema(value_type = Timestamp)]
    modified_on: String,
    /// The date the record was created
    #[schema(value_type = Timestamp)]
    created_on: String,
}

/// Some of the accounts of an organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointAccountPage)]
#[serde(rename_all = "PascalCase")]
pub struct AccountPage {
    /// The accounts, in the order in which they were made.
    accounts: Vec<Account>,
    /// What to ask for as `After` to get the next page: null on the last one.
    #[schema(value_type = Option<Next>)]
    next: Option<String>,
}

/// This structure represents an abstract object with a primary key of type Long.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AbstractLong {
    /// The primary key of the record.
    #[schema(value_type = Id)]
    id: AccountId,
    /// An external identifier for the record: the registration id of the organisation.
    #[schema(value_type = Option<RegistrationId>)]
    external_id: Option<String>,
    /// The name of the record.
    #[schema(value_type = AccountName)]
    name: String,
    /// The type of the record object.
    #[schema(example = "Tenant")]
    r#type: &'static str,
}

/// This structure represents an abstract object with a primary key of type Text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AbstractText {
    /// The primary key of the record: one of the valid values.
    #[schema(example = "fi-FI")]
    id: String,
    /// An external identifier for the record. A value is known outside by its own name, so this is the same as Id.
    #[schema(example = "fi-FI")]
    external_id: String,
    /// The name of the record: what to show to a person.
    #[schema(example = "Finnish (Finland)")]
    name: Option<&'static str>,
    /// The type of the record object.
    #[schema(example = "Language")]
    r#type: &'static str,
}

impl Account {
    /// A record of the directory, and the account that it belongs to.
    pub fn of(record: Record, tenant: &Owner) -> Self {
        let profile = record.profile;
        Self {
            id: record.uuid,
            tenant_id: AbstractLong {
                id: tenant.id,
                external_id: tenant.registration_id.clone(),
                name: tenant.name.clone(),
                r#type: "Tenant",
            },
            name: profile.name,
            first_name: profile.first_name,
            last_name: profile.last_name,
            phone: profile.phone,
            phone_verified: profile.phone_verified,
            email: profile.email.map(|email| email.address),
            email_verified: record.email_verified,
            language_id: AbstractText::of(&LANGUAGES, profile.language),
            timezone_id: AbstractText::of(&TIME_ZONES, profile.time_zone),
            date_format_id: AbstractText::of(&DATE_FORMATS, profile.date_format),
            username: profile.username,
            external_id: profile.external_id,
            notify_by_email: profile.notify_by_email,
            notify_by_sms: profile.notify_by_sms,
            is_active: profile.is_active.unwrap_or(false),
            modified_on: date_time(record.updated_at),
            created_on: date_time(record.created_at),
        }
    }
}

impl AccountPage {
    /// A page of records of the directory.
    pub fn of(page: Page) -> Self {
        let owner = page.owner;
        let accounts = page.records.into_iter().map(|record| Account::of(record, &owner)).collect();
        Self { accounts, next: page.next.map(|id| id.to_string()) }
    }
}

impl AbstractText {
    fn of(enumeration: &Enumeration, value: Option<String>) -> Option<Self> {
        value.map(|value| Self {
            name: enumeration.display_name(&value),
            external_id: value.clone(),
            id: value,
            r#type: enumeration.kind,
        })
    }
}

/// A time as the document writes it: `1900-01-01T12:00:00Z`, in UTC, without fractions of a second.
fn date_time(time: Time) -> String {
    time.to_the_second().rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_form_of_the_document() {
        assert_eq!(date_time(Time::from_milliseconds(-2_208_945_600_000)), "1900-01-01T12:00:00Z");
        assert_eq!(date_time(Time::from_milliseconds(1_734_523_199_999)), "2024-12-18T11:59:59Z");
        assert_eq!(date_time(Time::from_milliseconds(0)), "1970-01-01T00:00:00Z");
    }
}
