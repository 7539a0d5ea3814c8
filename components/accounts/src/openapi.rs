//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

/// What is only described: handlers read bodies field by field, to tell every fault at once.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use accord_core::auth::key::Algorithm;
    use accord_core::values::role::Role as Known;
    pub use accord_resources::account::{AccountType, Status};
    use accord_web::described::{
        AccountDescription, AccountKey, AccountName, ConnectorName, ConnectorText, Contact, Count, Country,
        EmailAddress, Environment, FirstName, FullName, Id, LastName, Link, RedirectUris, RegistrationId, Role, Scope,
        Share, Subdomain, Timestamp, Username, one_of,
    };
    use accord_web::values;
    use utoipa::ToSchema;

    values! {
        /// What a connector never does more than.
        Rank = one_of(Known::ALL.into_iter().filter(|role| *role >= Known::Manage).map(Known::name));
        /// How ID tokens are signed.
        IdTokenAlgorithm = one_of(Algorithm::ALL.into_iter().map(Algorithm::name));
    }

    /// How a user stands to an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum MemberStatus {
        /// In it.
        Active,
        /// Asked.
        Invited,
        /// Shut out.
        Inactive,
        /// Taken out.
        Removed,
        /// Gone, or not willing to come.
        Refused,
    }

    /// How roles came.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum Door {
        /// By the sign-up, or by making the account.
        Founder,
        /// By people, in the accounts API.
        Accounts,
        /// By a connector's binding.
        Portal,
        /// By a record.
        Endpoint,
        /// By the account above.
        Administration,
    }

    /// How a connector is.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum ConnectorStatus {
        /// It has not got a token yet.
        Pending,
        /// It works.
        Active,
        /// It is disconnected, or its account is inactive.
        Inactive,
    }

    /// An account to make.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "name": "Enterprise Account", "description": "Main enterprise account", "primaryContact": "contact@enterprise.com"
        })
    )]
    pub struct NewAccount {
        name: AccountName,
        description: Option<AccountDescription>,
        primary_contact: Option<Contact>,
        country: Option<Country>,
        /// What the portal calls it: who manages the account above sets it.
        registration_id: Option<RegistrationId>,
    }

    /// What changes. A field that is left out stays, null clears it.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({ "name": "Updated Account Name", "description": "Updated description", "status": "active" })
    )]
    pub struct AccountChange {
        /// It cannot be cleared.
        #[schema(nullable = false)]
        name: Option<AccountName>,
        description: Option<AccountDescription>,
        status: Option<Status>,
        primary_contact: Option<Contact>,
        country: Option<Country>,
        /// What the portal calls it: who manages the account above sets it.
        registration_id: Option<RegistrationId>,
    }

    /// Somebody to invite.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "email": "newuser@example.com", "firstName": "Jane", "lastName": "Smith", "roles": ["user", "viewer"]
        })
    )]
    pub struct NewMember {
        email: EmailAddress,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        #[schema(min_items = 1)]
        roles: Vec<Role>,
    }

    /// The roles of somebody known.
    #[derive(ToSchema)]
    #[schema(example = json!({ "roles": ["user", "admin"] }))]
    pub struct MemberRoles {
        #[schema(min_items = 1)]
        roles: Vec<Role>,
    }

    /// Roles, status, names: one of them at least.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        min_properties = 1,
        example = json!({ "roles": ["admin", "user"], "status": "active" })
    )]
    pub struct MemberChange {
        #[schema(min_items = 1)]
        roles: Option<Vec<Role>>,
        status: Option<Status>,
        /// What the account calls the user. Null takes it back.
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
    }

    /// A connector to make.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "name": "Bookkeeping", "environment": "sandbox", "scopes": ["portal:write"], "rank": "manage",
            "redirectUris": ["https://app.example.com/callback"], "postLogoutRedirectUris": ["https://app.example.com/"]
        })
    )]
    pub struct NewConnector {
        /// The account that the caller signed in to, if left out.
        account_id: Option<Id>,
        name: ConnectorName,
        integration: Option<ConnectorText>,
        property: Option<ConnectorText>,
        /// `production` if left out.
        environment: Option<Environment>,
        /// `portal:write` if left out; none for one with redirect URIs.
        scopes: Option<Vec<Scope>>,
        /// What the connector never does more than: `manage`, `admin` (which the administration API asks for) or `owner`.
        /// What the caller holds in the account if left out, which is the most that can be given.
        rank: Option<Rank>,
        /// Where a browser may be sent back to with a code: `https`, or `http` at a loopback address, or of a public connector a
        /// private-use scheme (`com.example.app:/callback`).
        redirect_uris: Option<RedirectUris>,
        /// Where a browser may be sent back to after the sign-out.
        post_logout_redirect_uris: Option<RedirectUris>,
        /// Whether the connector can keep no secret, and gets none. `false` if left out.
        public: Option<bool>,
        /// Whether its authorization requests need PKCE. `true` if left out, and always of a public one.
        require_pkce: Option<bool>,
        /// How its ID tokens are signed: `RS256` if left out.
        id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    }

    /// What of a connector is to be another. What is left out stays.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "name": "Bookkeeping", "redirectUris": ["https://app.example.com/callback"],
            "postLogoutRedirectUris": ["https://app.example.com/"]
        })
    )]
    pub struct ConnectorUpdate {
        /// It cannot be cleared.
        #[schema(nullable = false)]
        name: Option<ConnectorName>,
        /// All of them. A public connector has one at least.
        redirect_uris: Option<RedirectUris>,
        /// All of them.
        post_logout_redirect_uris: Option<RedirectUris>,
        /// Always `true` for a public connector.
        require_pkce: Option<bool>,
        id_token_signed_response_alg: Option<IdTokenAlgorithm>,
        /// Which share of its external ids the connector may unbind by one body, in percent, without confirming the number; null is any.
        unbind_guard: Option<Share>,
    }

    /// The selected fields of an account: `id`, `name` and `createdAt` if nothing is selected.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({ "id": 7, "name": "Acme Ltd.", "createdAt": "2026-11-29T08:30:00Z" })
    )]
    pub struct SelectedAccount {
        id: Option<Id>,
        name: Option<AccountName>,
        description: Option<AccountDescription>,
        status: Option<Status>,
        created_at: Option<Timestamp>,
        updated_at: Option<Timestamp>,
        account_key: Option<AccountKey>,
        registration_id: Option<RegistrationId>,
        r#type: Option<AccountType>,
        subdomain: Option<Subdomain>,
        country: Option<Country>,
        primary_contact: Option<Contact>,
    }

    /// The selected fields of a user of an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedMember {
        id: Option<Id>,
        email: Option<EmailAddress>,
        username: Option<Username>,
        name: Option<FullName>,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        status: Option<MemberStatus>,
        roles: Option<Vec<Role>>,
        /// The strongest of the roles.
        rank: Option<Role>,
        /// How the roles came.
        doors: Option<Vec<Door>>,
        entered_at: Option<Timestamp>,
        created_at: Option<Timestamp>,
    }

    /// A part of a list of users of an account.
    #[derive(ToSchema)]
    pub struct MemberPage {
        value: Vec<SelectedMember>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// A part of a list.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct AccountPage {
        value: Vec<SelectedAccount>,
        /// How many match, on all pages.
        count: Count,
        /// The same, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }
}

/// The description itself.
#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Accounts", description = "People manage accounts, their members and their connectors"),
    paths(
        crate::accounts::create,
        crate::accounts::list,
        crate::accounts::get,
        crate::accounts::update,
        crate::accounts::delete,
        crate::members::list,
        crate::members::get,
        crate::members::invite,
        crate::members::add,
        crate::members::update,
        crate::members::remove,
        crate::members::invite_again,
        crate::connectors::create,
        crate::connectors::list,
        crate::connectors::get,
        crate::connectors::update,
        crate::connectors::delete,
        crate::connectors::rotate,
        crate::connectors::resume,
        crate::connectors::disconnect,
    ),
    components(schemas(accord_resources::failure::Problem)),
    modifiers(&Bearer),
    tags((
        name = "accounts",
        description = "Accounts, their members and their connectors, for people. [What each operation does](/reference/accounts)"
    )),
)]
pub struct Description;

#[cfg(test)]
struct Bearer;

#[cfg(test)]
impl utoipa::Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

#[cfg(test)]
mod tests {
    use accord_description::conditions::{self, has, is, lacks, may_be, when};
    use serde_json::{Value, json};
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> Value {
        let whole = serde_json::to_value(Description::openapi()).expect("a description is JSON");
        let mut whole = accord_description::write_out(whole);
        conditions::add(&mut whole, "MemberChange", [when(lacks(&["status"]), has(&["roles"]))]);
        let public = || is("public", true);
        let connector = [
            when(public(), has(&["redirectUris"])),
            when(public(), may_be("requirePkce", json!({ "not": { "const": false } }))),
            when(lacks(&["redirectUris"]), may_be("scopes", json!({ "minItems": 1 }))),
        ];
        conditions::add(&mut whole, "NewConnector", connector);
        accord_description::share_problems(whole)
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
