//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

use std::collections::BTreeMap;

use accord_core::people::record::TEXT_MAX;
use accord_core::values::enumeration::{DATE_FORMATS, Enumeration, LANGUAGES, TIME_ZONES};
use accord_web::described::{Uuid, number, one_of_all, text};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, IntoResponses, ToSchema as _};

use crate::account::{Account, AccountPage};
use crate::failure::Body;
use crate::paging::{Next, PageSize};

#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Endpoint", description = "User accounts, inserted and updated one at a time"),
    paths(crate::patch_account, crate::post_account, crate::get_account, crate::list_accounts),
    components(schemas(Account, AccountPage, crate::account::AbstractLong, crate::account::AbstractText, Body)),
    modifiers(&Security),
    tags((
        name = "endpoint",
        description = "User accounts for other systems to keep in step. [What each operation does](/reference/endpoint)"
    ))
)]
struct Description;

/// Which account is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "read by the generator only")]
pub struct AccountPath {
    /// The identifier of the account.
    #[param(inline, rename = "Id", example = "894ea43c-b8a6-4195-9a9c-82c07d9cc33a")]
    id: Uuid,
}

/// Which page is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
pub struct PageParameters {
    /// How many accounts the page has at most.
    #[param(inline, rename = "PageSize")]
    page_size: Option<PageSize>,
    /// What the page before gave as its `Next`; the first page if left out.
    #[param(inline, rename = "After", example = "100")]
    after: Option<Next>,
}

/// What operations answer that write.
pub struct Written;

/// What the operation answers that reads one account.
pub struct Read;

/// What the operation answers that lists accounts.
pub struct Listed;

impl IntoResponses for Written {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers("Inserted or updated Account information.", &Account::name(), |_| true)
    }
}

impl IntoResponses for Read {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers("Account information.", &Account::name(), |status| ![400, 413, 415].contains(&status))
    }
}

impl IntoResponses for Listed {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers("A page of accounts.", &AccountPage::name(), |status| ![404, 413, 415].contains(&status))
    }
}

/// What is answered when it is done, and those failures that an operation may have.
fn answers(done: &str, schema: &str, may_fail: impl Fn(u16) -> bool) -> BTreeMap<String, RefOr<Response>> {
    let answer = |(status, description, schema): (u16, &str, &str)| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let response = ResponseBuilder::new().description(description).content("application/json", content).build();
        (status.to_string(), RefOr::T(response))
    };
    let body = Body::name();
    let failures = FAILURES.into_iter().filter(|(status, _)| may_fail(*status));
    let failures = failures.map(|(status, description)| answer((status, description, &body)));
    std::iter::once(answer((200, done, schema))).chain(failures).collect()
}

const FAILURES: [(u16, &str); 9] = [
    (400, "The input cannot be taken: each fault is an error of its own."),
    (401, "The access token is missing, expired or invalid."),
    (403, "The access token has no scope for this operation."),
    (404, "No account has the `Id`, or the account belongs to another organisation."),
    (412, "The request demands a version (`If-Match`), and there are none."),
    (413, "The body has more than 65536 bytes."),
    (415, "The body's media type is another than JSON, or its coding another than gzip."),
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
            ("AccessManager:Read", "read accounts"),
            ("AccessManager:Update", "update accounts"),
            ("AccessUser:Create", "insert accounts"),
            ("AccessUser:Read", "read accounts"),
            ("AccessUser:Update", "update accounts"),
        ]);
        let flow = ClientCredentials::with_refresh_url(TOKEN, scopes, TOKEN);
        let scheme = SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]));
        description.components.get_or_insert_default().add_security_scheme("endpoint", scheme);
    }
}

/// A foreign key to an organisation.
pub fn tenant() -> Schema {
    foreign_key(number(1).examples([7]))
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
    foreign_key(one_of_all(enumeration))
}

/// A plain id, or an object with an `Id`, an `ExternalId` or a `Name`; null clears.
fn foreign_key(id: ObjectBuilder) -> Schema {
    let (id, text) = (id.build(), text(TEXT_MAX).build());
    let record = ObjectBuilder::new().schema_type(Type::Object).min_properties(Some(1)).property("Id", id.clone());
    let record =
        ["ExternalId", "Name", "Type"].into_iter().fold(record, |record, name| record.property(name, text.clone()));
    OneOfBuilder::new().item(id).item(record).item(ObjectBuilder::new().schema_type(Type::Null)).into()
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> serde_json::Value {
        accord_description::write_out(serde_json::to_value(Description::openapi()).expect("a description is JSON"))
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
