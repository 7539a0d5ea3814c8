//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

/// What is only described: handlers read bodies field by field, to tell every fault at once.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use utoipa::ToSchema;

    /// A role in an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum Role {
        /// Everything, and to delete the account.
        Owner,
        /// To manage, and to use the administration API.
        Admin,
        /// To change the account and its members.
        Manage,
        /// To use the account.
        User,
        /// To look at the account.
        Viewer,
    }

    /// Whether an account or a membership works.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum Status {
        /// It works.
        Active,
        /// It does not.
        Inactive,
    }

    /// A person and the account to make.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SignUp {
        #[schema(example = "user@example.com", max_length = 254)]
        email: String,
        /// At least 12 characters, and not easy to guess.
        #[schema(example = "secure_password_123", min_length = 12)]
        password: String,
        #[schema(example = "John", max_length = 100)]
        first_name: Option<String>,
        #[schema(example = "Doe", max_length = 100)]
        last_name: Option<String>,
        #[schema(example = "Acme Corporation", max_length = 255)]
        account_name: String,
        /// ISO 3166-1 alpha-2.
        #[schema(example = "US")]
        country: Option<String>,
    }

    /// An account to make.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct NewAccount {
        #[schema(example = "Enterprise Account", max_length = 255)]
        name: String,
        #[schema(example = "Main enterprise account", max_length = 2000)]
        description: Option<String>,
        #[schema(example = "contact@enterprise.com", max_length = 255)]
        primary_contact: Option<String>,
        /// ISO 3166-1 alpha-2.
        country: Option<String>,
        /// What the portal calls it: who manages the account above sets it.
        #[schema(max_length = 100)]
        registration_id: Option<String>,
    }

    /// What changes. A field that is left out stays, null clears it.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({ "name": "Updated Account Name", "description": "Updated description", "status": "active" })
    )]
    pub struct AccountChange {
        #[schema(max_length = 255)]
        name: Option<String>,
        #[schema(max_length = 2000)]
        description: Option<String>,
        status: Option<Status>,
        #[schema(max_length = 255)]
        primary_contact: Option<String>,
        /// ISO 3166-1 alpha-2.
        country: Option<String>,
        /// What the portal calls it: who manages the account above sets it.
        #[schema(max_length = 100)]
        registration_id: Option<String>,
    }

    /// Somebody to invite.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct NewMember {
        #[schema(example = "newuser@example.com", max_length = 254)]
        email: String,
        #[schema(example = "Jane", max_length = 100)]
        first_name: Option<String>,
        #[schema(example = "Smith", max_length = 100)]
        last_name: Option<String>,
        #[schema(example = json!(["user", "viewer"]))]
        roles: Vec<Role>,
    }

    /// The roles of somebody known.
    #[derive(ToSchema)]
    pub struct MemberRoles {
        #[schema(example = json!(["user", "admin"]))]
        roles: Vec<Role>,
    }

    /// Roles, status, or both.
    #[derive(ToSchema)]
    #[schema(example = json!({ "roles": ["admin", "user"], "status": "active" }))]
    pub struct MemberChange {
        roles: Option<Vec<Role>>,
        status: Option<Status>,
    }

    /// The secret of a mailed link.
    #[derive(ToSchema)]
    pub struct Token {
        #[schema(example = "a-token")]
        token: String,
    }

    /// The secret of a mailed link, and a password.
    #[derive(ToSchema)]
    pub struct TokenAndPassword {
        #[schema(example = "a-token")]
        token: String,
        #[schema(example = "secure_password_123", min_length = 12)]
        password: String,
    }

    /// The secret of a mailed link, and the password of whoever is not signed in.
    #[derive(ToSchema)]
    pub struct Proof {
        #[schema(example = "a-token")]
        token: String,
        #[schema(example = "secure_password_123")]
        password: Option<String>,
    }

    /// The names of a person.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct Names {
        #[schema(example = "Jane Smith", max_length = 100)]
        name: Option<String>,
        #[schema(example = "Jane", max_length = 100)]
        first_name: Option<String>,
        #[schema(example = "Smith", max_length = 100)]
        last_name: Option<String>,
    }

    /// The next address, and the password.
    #[derive(ToSchema)]
    pub struct EmailChange {
        #[schema(example = "jane@example.com", max_length = 254)]
        email: String,
        #[schema(example = "secure_password_123")]
        password: String,
    }

    /// Whose password was forgotten.
    #[derive(ToSchema)]
    pub struct Forgotten {
        #[schema(example = "user@example.com")]
        email: String,
    }

    /// The password and the next one.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct PasswordChange {
        #[schema(example = "secure_password_123")]
        current_password: String,
        #[schema(example = "another_password_123", min_length = 12)]
        password: String,
    }

    /// A connector to make.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct NewConnector {
        /// The account that the caller signed in to, if left out.
        account_id: Option<i64>,
        #[schema(example = "Bookkeeping", max_length = 100)]
        name: String,
        #[schema(max_length = 100)]
        integration: Option<String>,
        #[schema(max_length = 100)]
        property: Option<String>,
        /// `production` (if left out) or `sandbox`.
        #[schema(example = "sandbox")]
        environment: Option<String>,
        /// `portal:write` if left out; none for one with redirect URIs.
        #[schema(example = json!(["portal:write"]))]
        scopes: Option<Vec<String>>,
        /// What the connector never does more than: `manage`, `admin` (which the administration API asks for) or `owner`.
        /// What the caller holds in the account if left out, which is the most that can be given.
        #[schema(example = "manage")]
        rank: Option<String>,
        /// Where a browser may be sent back to with a code: `https`, or `http` at a loopback address, or of a public connector a
        /// private-use scheme (`com.example.app:/callback`). At most 20.
        #[schema(example = json!(["https://app.example.com/callback"]))]
        redirect_uris: Option<Vec<String>>,
        /// Where a browser may be sent back to after the sign-out.
        #[schema(example = json!(["https://app.example.com/"]))]
        post_logout_redirect_uris: Option<Vec<String>>,
        /// Whether the connector can keep no secret, and gets none. `false` if left out.
        public: Option<bool>,
        /// Whether its authorization requests need PKCE. `true` if left out, and always of a public one.
        require_pkce: Option<bool>,
        /// How its ID tokens are signed: `RS256` (if left out), `ES256` or `EdDSA`.
        id_token_signed_response_alg: Option<String>,
    }

    /// What of a connector is to be another. What is left out stays.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct ConnectorUpdate {
        #[schema(example = "Bookkeeping", max_length = 100)]
        name: Option<String>,
        /// All of them. A public connector has one at least.
        #[schema(example = json!(["https://app.example.com/callback"]))]
        redirect_uris: Option<Vec<String>>,
        /// All of them.
        #[schema(example = json!(["https://app.example.com/"]))]
        post_logout_redirect_uris: Option<Vec<String>>,
        /// Always `true` for a public connector.
        require_pkce: Option<bool>,
        /// `RS256`, `ES256` or `EdDSA`.
        id_token_signed_response_alg: Option<String>,
        /// Which share of its external ids the connector may unbind by one body, in percent, without confirming the number; null is any.
        #[schema(example = 10, minimum = 0, maximum = 100)]
        unbind_guard: Option<i64>,
    }

    /// The selected fields of an account: `id`, `name` and `createdAt` if nothing is selected.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedAccount {
        id: Option<i64>,
        name: Option<String>,
        description: Option<String>,
        status: Option<String>,
        created_at: Option<String>,
        updated_at: Option<String>,
        account_key: Option<String>,
        registration_id: Option<String>,
        r#type: Option<String>,
        subdomain: Option<String>,
        country: Option<String>,
        primary_contact: Option<String>,
    }

    /// The selected fields of a user of an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedMember {
        id: Option<i64>,
        email: Option<String>,
        username: Option<String>,
        name: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        /// `active`, `invited`, `inactive`, `removed` or `refused`.
        status: Option<String>,
        roles: Option<Vec<Role>>,
        /// The strongest of the roles.
        rank: Option<Role>,
        /// How the roles came: `founder`, `accounts` (by people), `portal`, `endpoint` or `administration`.
        doors: Option<Vec<String>>,
        entered_at: Option<String>,
        created_at: Option<String>,
    }

    /// A part of a list of users of an account.
    #[derive(ToSchema)]
    pub struct MemberPage {
        value: Vec<SelectedMember>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// A part of a list.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct AccountPage {
        value: Vec<SelectedAccount>,
        /// How many match, on all pages.
        count: i64,
        /// The same, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }
}

/// The description itself.
#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Accounts", description = "People sign up, and manage accounts, their members and their connectors"),
    paths(
        crate::people::sign_up, crate::accounts::create, crate::accounts::list, crate::accounts::get,
        crate::accounts::get_signup, crate::accounts::update, crate::accounts::delete, crate::members::list,
        crate::members::get, crate::members::invite,
        crate::members::add, crate::members::update, crate::members::remove, crate::members::invite_again,
        crate::people::accept, crate::people::verify_email, crate::people::undo_email, crate::people::forgot_password,
        crate::people::reset_password, crate::people::change_password, crate::me::get, crate::me::update,
        crate::me::change_email, crate::me::change_password, crate::me::leave, crate::me::welcome, crate::connectors::create,
        crate::connectors::list, crate::connectors::get, crate::connectors::update, crate::connectors::delete, crate::connectors::rotate,
        crate::connectors::resume, crate::connectors::disconnect,
    ),
    components(schemas(accord_resources::failure::Problem)),
    modifiers(&Bearer),
    tags((name = "accounts", description = "Accounts, their members and their connectors, for people")),
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
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> Value {
        let whole = serde_json::to_value(Description::openapi()).expect("a description is JSON");
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
