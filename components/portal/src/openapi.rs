//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

use accord_web::described::{Count, ExternalId};

/// The account that users are bound to.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "read by the generator only")]
pub struct AccountPath {
    /// The registration id of an account that the connector is bound to, or the connector's external id of it.
    #[param(inline, example = "123456-8")]
    account_id: ExternalId,
}

/// How the body is applied.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the generator only")]
pub struct Query {
    /// `true` changes nothing: the answer tells what the body would change.
    dry_run: Option<bool>,
    /// How many external ids the body may unbind, where the connector has a guard: exactly as many as it does.
    #[param(inline)]
    unbind: Option<Count>,
}

/// What is only described: handlers read bodies entry by entry, to tell every fault at once.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use accord_core::accounts::account::REGISTRATION_ID_MAX;
    use accord_web::described::{AccountName, EmailAddress, filled};
    use utoipa::ToSchema;

    accord_web::values! {
        /// The id that all connectors have in common.
        CommonId = filled(REGISTRATION_ID_MAX).examples(["123456-8"]);
    }

    /// An account of the connector's, or null to remove it.
    #[derive(ToSchema)]
    #[schema(as = PortalAccount)]
    #[serde(untagged)]
    pub enum Account {
        /// Both fields are required for an external id that is not bound yet.
        Update {
            name: Option<AccountName>,
            /// The id that all connectors have in common, typically the company's registration id.
            id: Option<CommonId>,
        },
        Remove,
    }

    /// A user of the connector's, or null to remove it.
    #[derive(ToSchema)]
    #[schema(as = PortalUser)]
    #[serde(untagged)]
    pub enum User {
        Update { email: EmailAddress },
        Remove,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::openapi::OpenApi;
    use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::{Modify, OpenApi as _};

    use crate::OPERATIONS;

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Portal", description = "Connectors bring accounts and users, and bind them"),
        paths(crate::accounts::put, crate::users::bind, crate::users::put),
        components(schemas(crate::Difference)),
        modifiers(&Bearer),
        tags((
        name = "portal",
        description = "Accounts and users that connectors bring from back-office solutions. [What each operation does](/reference/portal)"
    )),
    )]
    struct Description;

    struct Bearer;

    impl Modify for Bearer {
        fn modify(&self, description: &mut OpenApi) {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
            let components = description.components.get_or_insert_default();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        }
    }

    fn described() -> Value {
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
