//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

use std::collections::BTreeMap;

use accord_core::values::enumeration::{DATE_FORMATS, Enumeration, LANGUAGES, TIME_ZONES};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema as _};

use crate::account::{AbstractLong, AbstractText, Account};
use crate::failure::Body;

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Endpoint", description = "User accounts, inserted and updated one at a time"),
    paths(crate::patch_account, crate::post_account),
    components(schemas(Account, AbstractLong, AbstractText, Body)),
    modifiers(&Security),
    tags((name = "endpoint", description = "User accounts for other systems to keep in step"))
)]
struct Description;

/// What both operations answer.
pub struct Answers;

impl IntoResponses for Answers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let answer = |(status, description, schema): (u16, &str, &str)| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
            let response = ResponseBuilder::new().description(description).content("application/json", content).build();
            (status.to_string(), RefOr::T(response))
        };
        let failure = |(status, description)| answer((status, description, &Body::name()));
        let done = answer((200, "Inserted or updated Account information.", &Account::name()));
        std::iter::once(done).chain(FAILURES.map(failure)).collect()
    }
}

const FAILURES: [(u16, &str); 9] = [
    (400, "The input cannot be taken: each fault is an error of its own."),
    (401, "The access token is missing, expired or invalid."),
    (403, "The access token has no scope for this operation."),
    (404, "No account has the `Id`, or the account belongs to another organisation."),
    (409, "Ten writes in a row failed: the client's writes are paused until it is resumed."),
    (413, "The body has more than 65536 bytes."),
    (415, "The body is not `application/json`."),
    (500, "Something went wrong in the service. Nothing was changed."),
    (503, "The directory is busy. The header `Retry-After` says when to try again."),
];

#[cfg(test)]
struct Security;

#[cfg(test)]
impl utoipa::Modify for Security {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
        const TOKEN: &str = "/oAuth/rest/v2/Token";
        let scopes = Scopes::from_iter([
            ("AccessManager:Create", "insert accounts"),
            ("AccessManager:Update", "update accounts"),
            ("AccessUser:Create", "insert accounts"),
            ("AccessUser:Update", "update accounts"),
        ]);
        let flow = ClientCredentials::with_refresh_url(TOKEN, scopes, TOKEN);
        let scheme = SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]));
        description.components.get_or_insert_default().add_security_scheme("endpoint", scheme);
    }
}

/// A foreign key to an organisation.
pub fn tenant() -> Schema {
    foreign_key(ObjectBuilder::new().schema_type(Type::Integer), &AbstractLong::name())
}

/// A foreign key to a language.
pub fn language() -> Schema {
    value_of(&LANGUAGES)
}

/// A foreign key to a time zone.
pub fn time_zone() -> Schema {
    value_of(&TIME_ZONES)
}

/// A foreign key to a date format.
pub fn date_format() -> Schema {
    value_of(&DATE_FORMATS)
}

fn value_of(enumeration: &Enumeration) -> Schema {
    let values = enumeration.values.iter().map(|(value, _)| *value);
    foreign_key(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)), &AbstractText::name())
}

/// A plain id, or an object with an `Id`, an `ExternalId` or a `Name`.
fn foreign_key(id: ObjectBuilder, record: &str) -> Schema {
    let record: RefOr<Schema> = Ref::from_schema_name(record).into();
    OneOfBuilder::new().item(id).item(record).into()
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> serde_json::Value {
        serde_json::to_value(Description::openapi()).expect("a description is JSON")
    }

    #[test]
    fn the_file_is_what_the_annotations_say() {
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &described());
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        accord_description::prove(&described(), OPERATIONS);
    }
}
