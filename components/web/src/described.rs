//! What values look like that bodies, queries, paths and headers hold, for the descriptions of the APIs.
//!
//! A value has the limits of the rule in core that takes or refuses it, so that a description cannot say others than are kept.
//! Where a rule is one that no schema can say (which passwords are too easy to guess, whether there is such a country code of a
//! telephone number), the schema says what it can. White space around a text is left out before it is judged, of which a
//! schema does not speak.
//!
//! Nobody asks a component for its description, so none of this is in one.

use accord_core::values::enumeration::Enumeration;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

pub use values::*;

/// Values for a description: a type for each, whose schema is what stands behind the `=`. It describes the value where the
/// type is named, and is no schema by a name of its own (but for a list of words).
#[macro_export]
macro_rules! values {
    ($($(#[doc = $text:literal])* $name:ident = $schema:expr;)+) => {
        $(
            $(#[doc = $text])*
            pub struct $name;

            impl utoipa::PartialSchema for $name {
                fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                    $schema.into()
                }
            }

            impl utoipa::ToSchema for $name {
                fn name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

/// Some string.
pub fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A string in this format.
pub fn formatted(format: &str) -> ObjectBuilder {
    string().format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// A text of at most `max` characters, see [`accord_core::values::text::clean`]. It may be blank, which is to have none.
pub fn text(max: usize) -> ObjectBuilder {
    string().max_length(Some(max)).pattern(Some(r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"))
}

/// As [`text`], and not blank.
pub fn filled(max: usize) -> ObjectBuilder {
    const PATTERN: &str = concat!(
        r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*",
        r"[^\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]",
        r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
    );
    string().min_length(Some(1)).max_length(Some(max)).pattern(Some(PATTERN))
}

/// One of these words.
pub fn one_of(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    string().enum_values(Some(words))
}

/// One of the values of an enumeration.
pub fn one_of_all(enumeration: &Enumeration) -> ObjectBuilder {
    one_of(enumeration.values.iter().map(|(value, _)| *value))
}

/// A whole number of at least `min`.
pub fn number(min: i64) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(min))
}

mod values {
    use accord_core::accounts::account;
    use accord_core::auth::{idempotency, scope};
    use accord_core::connectors::{connector, identities, relying_party};
    use accord_core::entry::sign_up;
    use accord_core::people::record;
    use accord_core::sign_in::password;
    use accord_core::values::email::Email;
    use accord_core::values::enumeration::{DATE_FORMATS, LANGUAGES, TIME_ZONES};
    use accord_core::values::{country, domain, role};
    use utoipa::openapi::schema::ArrayBuilder;

    use super::{filled, formatted, number, one_of, one_of_all, string, text};

    values! {
        /// An id.
        Id = number(1).examples([7]);
        /// How many there are.
        Count = number(0).examples([1]);
        /// A UUID.
        Uuid = formatted("uuid").examples(["894ea43c-b8a6-4195-9a9c-82c07d9cc33a"]);
        /// A point in time (RFC 3339), in UTC.
        Timestamp = formatted("date-time").examples(["2026-11-29T08:30:00Z"]);
        /// An address to follow.
        Link = formatted("uri").examples(["https://accord.example.com/api/accounts?%24skiptoken=Wzdd"]);
        /// The type of a problem (RFC 9457, section 3.1.1).
        ProblemType = formatted("uri-reference").examples(["about:blank"]);
        /// The status of a problem, as that of the answer.
        ProblemStatus = number(400).maximum(Some(599)).examples([400]);
        /// The name of an account.
        AccountName = filled(account::NAME_MAX).examples(["Acme Ltd."]);
        /// What an account is.
        AccountDescription = text(account::DESCRIPTION_MAX).examples(["Main enterprise account"]);
        /// Whom to ask about an account.
        Contact = text(account::CONTACT_MAX).examples(["contact@enterprise.com"]);
        /// What the portal calls an account.
        RegistrationId = text(account::REGISTRATION_ID_MAX).examples(["123456-8"]);
        /// What the administration API calls an account.
        AccountKey = string().examples(["5a70d8fcd44aa9.76285892"]);
        /// A subdomain.
        Subdomain = string()
            .min_length(Some(1))
            .max_length(Some(domain::SUBDOMAIN_MAX))
            .pattern(Some("^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$"))
            .examples(["example"]);
        /// A country: capitals or not.
        Country = one_of(country::codes()).description(Some("A country (ISO 3166-1 alpha-2)."));
        /// A full name.
        FullName = text(sign_up::NAME_MAX).examples(["Jane Smith"]);
        /// A first name.
        FirstName = text(sign_up::NAME_MAX).examples(["Jane"]);
        /// A last name.
        LastName = text(sign_up::NAME_MAX).examples(["Smith"]);
        /// An e-mail address.
        EmailAddress = formatted("email")
            .max_length(Some(Email::MAX))
            .pattern(Some(concat!(
                r#"^[^\s\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]+(\.[^\s\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]+)*@"#,
                r"[^\s\x00-/:-@\[-`{-\x9f]([^\s\x00-,./:-@\[-`{-\x9f]*[^\s\x00-/:-@\[-`{-\x9f])?",
                r"(\.[^\s\x00-/:-@\[-`{-\x9f]([^\s\x00-,./:-@\[-`{-\x9f]*[^\s\x00-/:-@\[-`{-\x9f])?)+$"
            )))
            .examples(["jane@example.com"]);
        /// What somebody signs in by in one account.
        Username = text(record::TEXT_MAX).examples(["jane.doe"]);
        /// A telephone number (E.164), with its extension if it has one.
        Phone = string().pattern(Some(r"^\+[1-9][0-9]{6,14}(;ext=[0-9]{1,7})?$")).examples(["+358401234567"]);
        /// A language.
        Language = one_of_all(&LANGUAGES).description(Some("A language."));
        /// A time zone.
        TimeZone = one_of_all(&TIME_ZONES).description(Some("A time zone."));
        /// A date format.
        DateFormat = one_of_all(&DATE_FORMATS).description(Some("A date format."));
        /// A password that somebody has.
        Password = formatted("password").examples(["secure_password_123"]);
        /// A password that somebody gets.
        NewPassword = formatted("password")
            .description(Some("Hard to guess: common words, one's own name and address, runs and repetitions count little."))
            .min_length(Some(password::PASSWORD_MIN))
            .max_length(Some(password::PASSWORD_MAX))
            .examples(["another_password_123"]);
        /// The secret of a mailed link.
        LinkToken = string().examples(["a-token"]);
        /// What a connector calls an account or a user.
        ExternalId = filled(identities::EXTERNAL_ID_MAX).examples(["user_001"]);
        /// What a connector is called.
        ConnectorName = filled(connector::TEXT_MAX).examples(["Bookkeeping"]);
        /// What a connector belongs to, in words of its own.
        ConnectorText = text(connector::TEXT_MAX).examples(["quickbooks"]);
        /// What a connector is for.
        Environment = one_of(["production", "sandbox"]).description(Some("What a connector is for."));
        /// What somebody is in an account.
        Role = one_of(role::Role::ALL.into_iter().map(role::Role::name))
            .description(Some("What somebody is in an account, from the strongest on."));
        /// A share in percent.
        Share = number(0).maximum(Some(100)).examples([10]);
        /// The id of a connector as a client of OAuth.
        ClientId = string().examples(["b3f0c1de5a9d4c1e8a77"]);
        /// The secret of a connector.
        ClientSecret = formatted("password").examples(["a-client-secret"]);
        /// What a connector may do.
        Scope = one_of(scope::ALL);
        /// Where a browser may be sent back to.
        RedirectUri = formatted("uri")
            .max_length(Some(relying_party::URI_MAX))
            .pattern(Some(r"^[A-Za-z][A-Za-z0-9+.-]*:[!$-)+-;=?-\[\]_a-z~]+$"))
            .examples(["https://app.example.com/callback"]);
        /// Where a browser may be sent back to.
        RedirectUris = ArrayBuilder::new().items(RedirectUri::schema()).max_items(Some(relying_party::URIS_MAX));
        /// The key of a request that may come again.
        IdempotencyKey = string()
            .min_length(Some(1))
            .max_length(Some(idempotency::KEY_MAX))
            .pattern(Some("^[ -~]+$"))
            .examples(["5f0c7e6a-1b1d-4a8a-9c5e-1f7d2b3a4c5d"]);
        /// An `ETag`, or several, or `*`.
        Tags = string().examples(["\"3\""]);
    }
}

#[cfg(test)]
mod tests {
    use accord_core::connectors::relying_party;
    use accord_core::values::email::Email;
    use accord_core::values::{domain, text};
    use proptest::prelude::*;
    use regex::Regex;
    use utoipa::PartialSchema;

    use super::*;

    /// Whether a text is as the schema says.
    fn is_as_described<S: PartialSchema>(text: &str) -> bool {
        let schema = serde_json::to_value(S::schema()).expect("a schema is JSON");
        let length = text.chars().count() as u64;
        let pattern = Regex::new(schema["pattern"].as_str().unwrap_or_default()).expect("a pattern");
        schema["minLength"].as_u64().is_none_or(|min| length >= min)
            && schema["maxLength"].as_u64().is_none_or(|max| length <= max)
            && pattern.is_match(text)
    }

    proptest! {
        #[test]
        fn texts_are_taken_that_are_as_described(text in "[a \u{e4}\0\n\u{85}\u{2003}\u{200d}\u{2028}\u{202e}\u{202f}\u{2065}\u{2069}]{0,5}") {
            prop_assume!(text == text.trim());
            prop_assert_eq!(text::clean(&text, 255).is_ok(), is_as_described::<AccountName>(&text));
        }

        #[test]
        fn addresses_are_taken_that_are_as_described(address in r#"[a\u{e4}.+"(\[-]{0,4}@[aZ0\u{e4}.@_-]{0,6}"#) {
            prop_assert_eq!(Email::parse(&address).is_ok(), is_as_described::<EmailAddress>(&address), "{:?}", address);
        }

        #[test]
        fn subdomains_are_taken_that_are_as_described(name in "[aZ0._\u{e4}-]{0,5}") {
            prop_assert_eq!(domain::is_subdomain(&name), is_as_described::<Subdomain>(&name), "{:?}", name);
        }

        #[test]
        fn redirect_uris_are_taken_that_are_as_described(path in "[!-~\u{e4}]{0,3}") {
            let uri = format!("https://app.example.com/{path}");
            prop_assert_eq!(relying_party::fault(&uri, false).is_none(), is_as_described::<RedirectUri>(&uri), "{:?}", uri);
        }
    }

    #[test]
    fn the_longest_is_taken_and_nothing_longer() {
        for max in [255, 256] {
            let name = "a".repeat(max);
            assert_eq!(text::clean(&name, 255).is_ok(), is_as_described::<AccountName>(&name));
        }
    }
}
