//! The input: the record structure `AccountData`, read field by field, so that every bad one is told at once. The
//! module [`fields`](crate::fields) says what a field may say.

use accord_core::people::record::{Changes, TEXT_MAX, Upsert};
use accord_core::values::enumeration::{DATE_FORMATS, LANGUAGES, TIME_ZONES};
use accord_core::values::region::Region;
use accord_web::Result;
use accord_web::described::{EmailAddress, Uuid, string, text};
use accord_web::json::Value;
use utoipa::ToSchema;

use crate::fields::Fields;
use crate::openapi;

accord_web::values! {
    /// A text of a record.
    RecordText = text(TEXT_MAX).examples(["Doe"]);
    /// A telephone number as people write it, and its extension.
    GivenPhone = string()
        .pattern(Some(r"^\s*([+0-9][0-9 .\-/()\u00a0\u2009\u202f]*([;, ]*([eE][xX][tT]\.?|extension|x|ext=) *[0-9]{1,7})?)?\s*$"))
        .examples(["+358 40 123 4567"]);
}

/// The record of Account information.
#[expect(dead_code, reason = "it is a description: a body is not deserialized into it, for serde tells one fault only")]
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
pub struct AccountData {
    /// The identifier of account. If it is given and matches nothing, nothing is done.
    id: Option<Uuid>,
    /// The organisation that the account belongs to: only the client's own is accepted.
    #[schema(schema_with = openapi::tenant, required = false)]
    tenant_id: (),
    /// The name of the account.
    name: Option<RecordText>,
    /// Person's first name.
    first_name: Option<RecordText>,
    /// Person's last name.
    last_name: Option<RecordText>,
    /// The phone number of account, with its country code. The phone number is unique in the system.
    phone: Option<GivenPhone>,
    /// Indicates whether the phone number has been verified. A changed number is not, unless this is true.
    phone_verified: Option<bool>,
    /// The e-mail of account. The email is unique in the system.
    email: Option<EmailAddress>,
    /// The enum of Language.
    #[schema(schema_with = openapi::language, required = false)]
    language_id: (),
    /// The enum of Timezone.
    #[schema(schema_with = openapi::time_zone, required = false)]
    timezone_id: (),
    /// The enum of `DateFormat`.
    #[schema(schema_with = openapi::date_format, required = false)]
    date_format_id: (),
    /// Username used to log in into the system. The username is unique in the system.
    username: Option<RecordText>,
    /// External Authentication identifier. Example Azure AD guid. The value must be unique in the system.
    external_id: Option<RecordText>,
    /// Defines if a person should get notifications via e-mail. False until it is said.
    notify_by_email: Option<bool>,
    /// Defines if a contact should get notifications via SMS. False until it is said.
    #[schema(rename = "NotifyBySMS")]
    notify_by_sms: Option<bool>,
    /// Defines if the account is active and can be used. False until it is said.
    #[schema(rename = "Is_Active")]
    is_active: Option<bool>,
}

/// Reads a body. National telephone numbers are of `region`.
///
/// # Errors
///
/// As [`Fields::of`] and [`Fields::finish`].
pub fn read(body: &Value<'_>, region: Option<Region>) -> Result<Upsert> {
    let mut fields = Fields::of(body)?;
    let upsert = Upsert {
        id: fields.id("id").into_value(),
        owner: fields.tenant("owner").into_value(),
        changes: Changes {
            name: fields.text("name"),
            first_name: fields.text("first_name"),
            last_name: fields.text("last_name"),
            phone: fields.phone("phone", region),
            phone_verified: fields.flag("phone_verified"),
            email: fields.email("email"),
            language: fields.one_of("language", &LANGUAGES),
            time_zone: fields.one_of("time_zone", &TIME_ZONES),
            date_format: fields.one_of("date_format", &DATE_FORMATS),
            username: fields.text("username"),
            external_id: fields.text("external_id"),
            notify_by_email: fields.flag("notify_by_email"),
            notify_by_sms: fields.flag("notify_by_sms"),
            is_active: fields.flag("is_active"),
        },
        insert_only: false,
    };
    fields.finish()?;
    Ok(upsert)
}

#[cfg(test)]
mod tests {
    use accord_core::people::record::AccountReference;
    use accord_core::values::change::Change;
    use accord_core::values::id::{AccountId, Id as _};
    use accord_web::Failure;
    use proptest::prelude::*;

    use super::*;
    use crate::names::{NAMES, document_name};

    fn upsert(body: &str) -> Upsert {
        read(&Value::parse(body.as_bytes()).expect("JSON"), None).expect(body)
    }

    fn faults(body: &str) -> Vec<String> {
        match read(&Value::parse(body.as_bytes()).expect("JSON"), None) {
            Err(failure) => {
                let faults = failure.faults().expect("it should be invalid");
                faults.shown().iter().map(|(field, fault)| format!("{} {fault}", document_name(field))).collect()
            }
            Ok(upsert) => panic!("it should be invalid: {body}: {upsert:?}"),
        }
    }

    fn set(text: &str) -> Change<String> {
        Change::Set(text.to_owned())
    }

    #[test]
    fn the_reference_describes_the_fields_that_are_read() {
        let described = serde_json::to_value(<AccountData as utoipa::PartialSchema>::schema()).expect("JSON");
        let described = described["properties"].as_object().expect("properties");
        let mut read = NAMES.map(|(_, name)| name);
        read.sort_unstable();
        assert_eq!(described.keys().collect::<Vec<_>>(), read);
    }

    #[test]
    fn absent_keeps_and_null_and_blank_clear() {
        let Upsert { changes, .. } = upsert("{}");
        assert_eq!((changes.name, changes.is_active), (Change::Keep, None));
        for blank in ["null", r#""""#, r#"" \t ""#] {
            let names = NAMES.map(|(_, name)| format!("{name:?}:{blank}"));
            let Upsert { id, owner, changes, .. } = upsert(&format!("{{{}}}", names.join(",")));
            assert_eq!((id, owner), (None, None));
            for text in [
                changes.name,
                changes.first_name,
                changes.last_name,
                changes.phone,
                changes.language,
                changes.time_zone,
                changes.date_format,
                changes.username,
                changes.external_id,
            ] {
                assert_eq!(text, Change::Clear);
            }
            assert_eq!(changes.email, Change::Clear);
            for flag in [changes.phone_verified, changes.notify_by_email, changes.notify_by_sms, changes.is_active] {
                assert_eq!(flag, Some(false));
            }
        }
    }

    #[test]
    fn every_field_of_a_wrong_type_is_told_by_its_name() {
        let names = NAMES.map(|(_, name)| format!("{name:?}:[]"));
        let mut told = faults(&format!("{{{}}}", names.join(",")));
        told.sort_unstable();
        let mut expected = NAMES.map(|(_, name)| match name {
            "TenantId" => "TenantId must have a whole number as its Id".to_owned(),
            "PhoneVerified" | "NotifyByEmail" | "NotifyBySMS" | "Is_Active" => {
                format!("{name} must be a boolean, not an array")
            }
            _ => format!("{name} must be a string, not an array"),
        });
        expected.sort_unstable();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_foreign_key_is_an_id_or_an_object() {
        for body in [
            r#"{"LanguageId":"FI-fi"}"#,
            r#"{"LanguageId":{"Id":" fi-FI "}}"#,
            r#"{"LanguageId":{"ExternalId":"fi-fi"}}"#,
            r#"{"LanguageId":{"Name":"finnish (finland)"}}"#,
            r#"{"LanguageId":{"Id":"","ExternalId":null,"Name":"Finnish (Finland)","Type":"Language"}}"#,
            r#"{"LanguageId":{"Id":"fi-FI","Name":"Klingon"}}"#,
        ] {
            assert_eq!(upsert(body).changes.language, set("fi-FI"), "{body}");
        }
        assert_eq!(
            faults(r#"{"LanguageId":{"Type":"Language"}}"#),
            ["LanguageId must have an Id, an ExternalId or a Name"]
        );
        assert_eq!(faults(r#"{"LanguageId":{"Id":1}}"#), ["LanguageId must be a string, not a number"]);
    }

    #[test]
    fn a_value_outside_the_list_is_named() {
        assert_eq!(
            faults(r#"{"LanguageId":"tlh","TimezoneId":"Mars Time","DateFormatId":{"Name":"tomorrow"}}"#),
            [
                r#"DateFormatId must be a valid DateFormat, not "tomorrow""#,
                r#"LanguageId must be a valid Language, not "tlh""#,
                r#"TimezoneId must be a valid Timezone, not "Mars Time""#,
            ]
        );
    }

    #[test]
    fn a_tenant_is_a_number_or_an_object() {
        for (body, tenant) in [
            (r#"{"TenantId":7}"#, AccountReference::Id(AccountId::from_number(7))),
            (r#"{"TenantId":"7"}"#, AccountReference::Id(AccountId::from_number(7))),
            (r#"{"TenantId":{"Id":7,"Name":"x"}}"#, AccountReference::Id(AccountId::from_number(7))),
            (r#"{"TenantId":{"ExternalId":"1-8"}}"#, AccountReference::RegistrationId("1-8".to_owned())),
            (r#"{"TenantId":{"Name":"Acme"}}"#, AccountReference::Name("Acme".to_owned())),
        ] {
            assert_eq!(upsert(body).owner, Some(tenant), "{body}");
        }
        for body in [r#"{"TenantId":1.5}"#, r#"{"TenantId":"x"}"#, r#"{"TenantId":true}"#, r#"{"TenantId":{}}"#] {
            assert_eq!(faults(body).len(), 1, "{body}");
        }
    }

    #[test]
    fn a_flag_is_a_boolean_or_its_name() {
        for (value, flag) in [("true", true), ("false", false), (r#""True""#, true), (r#"" FALSE ""#, false)] {
            assert_eq!(upsert(&format!(r#"{{"Is_Active":{value}}}"#)).changes.is_active, Some(flag), "{value}");
        }
        assert_eq!(faults(r#"{"Is_Active":"yes"}"#), [r#"Is_Active must be true or false, not "yes""#]);
        assert_eq!(faults(r#"{"Is_Active":1}"#), ["Is_Active must be a boolean, not a number"]);
    }

    #[test]
    fn an_id_is_a_uuid_in_any_spelling() {
        let id = Some("894ea43c-b8a6-4195-9a9c-82c07d9cc33a".to_owned());
        for spelling in ["894EA43C-B8A6-4195-9A9C-82C07D9CC33A", "{894ea43c-b8a6-4195-9a9c-82c07d9cc33a}"] {
            assert_eq!(upsert(&format!(r#"{{"Id":"{spelling}"}}"#)).id, id);
        }
        assert_eq!(upsert(r#"{"Id":" 17 "}"#).id.as_deref(), Some("17"));
    }

    #[test]
    fn texts_are_bounded_and_the_bound_is_told() {
        let long = "ä".repeat(TEXT_MAX);
        assert_eq!(upsert(&format!(r#"{{"Name":" {long} "}}"#)).changes.name, set(&long));
        assert_eq!(faults(&format!(r#"{{"Name":"{long}x"}}"#)), ["Name must have at most 255 characters"]);
        assert_eq!(faults(r#"{"Username":"a\u0000b"}"#), ["Username must not have control characters"]);
    }

    #[test]
    fn what_is_not_of_the_structure_is_ignored_and_names_have_their_case() {
        let Upsert { id, changes, .. } = upsert(r#"{"id":"x","NAME":"x","EmailVerified":true,"CreatedOn":[]}"#);
        assert_eq!((id, changes.name), (None, Change::Keep));
    }

    #[test]
    fn a_body_that_is_no_object_is_malformed() {
        for body in ["[]", "null", r#""x""#, "1"] {
            assert!(matches!(read(&Value::parse(body.as_bytes()).expect("JSON"), None), Err(Failure::Malformed(_))));
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
                proptest::collection::hash_map("Id|ExternalId|Name|\\PC{0,3}", inner, 0..4)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_body_panics_and_each_fault_is_of_a_field(values in proptest::array::uniform16(value())) {
            let body: serde_json::Map<_, _> =
                NAMES.iter().map(|(_, name)| (*name).to_owned()).zip(values).collect();
            let body = serde_json::Value::Object(body).to_string();
            if let Err(failure) = read(&Value::parse(body.as_bytes()).expect("JSON"), None) {
                for field in failure.faults().expect("faults of fields").shown().keys() {
                    prop_assert!(NAMES.iter().any(|(name, _)| name == field));
                }
            }
        }
    }
}
