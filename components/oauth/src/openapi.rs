//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

#![allow(dead_code, reason = "bodies that are read or made field by field: these are read by the generator only")]

use serde::Serialize;
use utoipa::ToSchema;

/// How a token is asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// A user's token, for a code that a browser has brought.
    AuthorizationCode,
    /// A connector's token.
    ClientCredentials,
    /// A user's token.
    Password,
    /// The next token, for a refresh token.
    RefreshToken,
}

/// A request for a token. Other parameters are ignored.
#[derive(ToSchema)]
pub struct TokenRequest {
    grant_type: GrantType,
    /// Scopes with a space between them: all that the client holds if there is none or it is `*`.
    #[schema(example = "portal:write")]
    scope: Option<String>,
    /// Of a client that does not use HTTP Basic.
    client_id: Option<String>,
    /// Of a client that does not use HTTP Basic.
    client_secret: Option<String>,
    /// For `password`: the user's username or e-mail address.
    username: Option<String>,
    /// For `password`.
    password: Option<String>,
    /// For `password`: the account to sign in to, an id or a name. Required if the user has several.
    account: Option<String>,
    /// For `refresh_token`. It works once.
    refresh_token: Option<String>,
    /// For `authorization_code`. It works once, for a minute.
    code: Option<String>,
    /// For `authorization_code`: where the code was sent.
    redirect_uri: Option<String>,
    /// For `authorization_code`: what answers the challenge of the request (RFC 7636).
    code_verifier: Option<String>,
}

/// A session to end. Other parameters are ignored.
#[derive(ToSchema)]
pub struct SessionToEnd {
    #[schema(example = "a-refresh-token")]
    refresh_token: String,
    /// Of a client that does not use HTTP Basic.
    client_id: Option<String>,
    /// Of a client that does not use HTTP Basic.
    client_secret: Option<String>,
}

/// What a relying party learns of a user, by the scopes `profile`, `email` and `phone` (OpenID Connect Core 1.0, section 5.1).
#[derive(ToSchema)]
pub struct PersonClaims {
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    /// Seconds since the epoch.
    updated_at: Option<i64>,
    /// The address that signs in.
    email: Option<String>,
    email_verified: Option<bool>,
    /// What the account says of the user's telephone.
    phone_number: Option<String>,
    phone_number_verified: Option<bool>,
}

/// A token to revoke (RFC 7009) or to introspect (RFC 7662). Other parameters are ignored.
#[derive(ToSchema)]
pub struct TokenToInspect {
    /// An access token or a refresh token.
    #[schema(example = "a-token")]
    token: String,
    /// Of a client that does not use HTTP Basic.
    client_id: Option<String>,
    /// Of a client that does not use HTTP Basic.
    client_secret: Option<String>,
}

/// The credentials of a client that does not use HTTP Basic.
#[derive(ToSchema)]
pub struct Client {
    client_id: String,
    client_secret: String,
}

/// What a token is. Only an active one has more than `active`.
#[derive(ToSchema)]
pub struct Introspection {
    active: bool,
    #[schema(example = "Bearer")]
    token_type: Option<String>,
    client_id: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
    iss: Option<String>,
    aud: Option<String>,
    jti: Option<String>,
    /// Seconds since the epoch.
    iat: Option<i64>,
    /// Seconds since the epoch.
    exp: Option<i64>,
    /// The account that a user signed in to.
    account: Option<i64>,
}

/// A key set (RFC 7517).
#[derive(ToSchema)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// A public key (RFC 7517), with the members of its type.
#[derive(ToSchema)]
pub struct Key {
    #[schema(example = "OKP")]
    kty: String,
    kid: String,
    #[schema(example = "EdDSA")]
    alg: String,
    #[schema(example = "sig")]
    r#use: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// What the server is and can do (RFC 8414).
#[derive(ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the members are those of the document")]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: Vec<String>,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<String>,
    grant_types_supported: Vec<String>,
    response_types_supported: Vec<String>,
    response_modes_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
    authorization_response_iss_parameter_supported: bool,
    subject_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    prompt_values_supported: Vec<String>,
    claims_supported: Vec<String>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    scopes_supported: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::openapi::{OpenApi, RefOr, Required};
    use utoipa::{Modify, OpenApi as _};

    use crate::{OPERATIONS, discovery, failure, health, inspection, rotation, token, userinfo};

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "OAuth", description = "Tokens of clients and users"),
        paths(
            token::token, inspection::revoke, inspection::introspect, inspection::log_out, rotation::rotate, userinfo::get,
            userinfo::post, discovery::keys, discovery::metadata, health::live, health::ready,
        ),
        components(schemas(failure::Body, failure::Account)),
        modifiers(&Client, &OtherPaths),
        tags((name = "oauth", description = "Tokens of clients and users, and how to check them")),
    )]
    struct Description;

    struct Client;

    impl Modify for Client {
        fn modify(&self, description: &mut OpenApi) {
            let components = description.components.get_or_insert_default();
            components.add_security_scheme("client", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        }
    }

    /// Several endpoints are at more than one path, and annotated at one of them.
    struct OtherPaths;

    /// The annotated path; another one; what the operation's name, its summary and its description add there.
    const OTHERS: [[&str; 5]; 8] = [
        [
            "/oauth/token",
            token::ENDPOINT_PATH,
            "_of_endpoint",
            " at the path of the endpoint API",
            ". A connector gets a refresh token here, too.",
        ],
        [
            "/oauth/token",
            "/realms/{realm}/protocol/openid-connect/token",
            "_of_realm",
            " at the path of the portal",
            ANY_REALM,
        ],
        [
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
            "_of_openid",
            " at the path of OpenID Connect",
            " (OpenID Connect Discovery 1.0, section 4).",
        ],
        [
            "/.well-known/oauth-authorization-server",
            "/realms/{realm}/.well-known/openid-configuration",
            "_of_realm",
            OF_KEYCLOAK,
            ANY_REALM,
        ],
        [
            "/.well-known/jwks.json",
            "/realms/{realm}/protocol/openid-connect/certs",
            "_of_realm",
            OF_KEYCLOAK,
            ANY_REALM,
        ],
        ["/oauth/userinfo", "/realms/{realm}/protocol/openid-connect/userinfo", "_of_realm", OF_KEYCLOAK, ANY_REALM],
        [
            "/oauth/introspect",
            "/realms/{realm}/protocol/openid-connect/token/introspect",
            "_of_realm",
            OF_KEYCLOAK,
            ANY_REALM,
        ],
        ["/oauth/revoke", "/realms/{realm}/protocol/openid-connect/revoke", "_of_realm", OF_KEYCLOAK, ANY_REALM],
    ];
    const OF_KEYCLOAK: &str = " where clients of Keycloak look";
    const ANY_REALM: &str = ", whatever the `realm`: there is one directory.";

    impl Modify for OtherPaths {
        fn modify(&self, description: &mut OpenApi) {
            let paths = &mut description.paths.paths;
            for [path, other, name, summary, remark] in OTHERS {
                let mut item = paths[path].clone();
                for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                    operation.operation_id = operation.operation_id.take().map(|id| id + name);
                    operation.summary = operation.summary.take().map(|text| text + summary);
                    operation.description = Some(format!("As at `{path}`{remark}"));
                    if other.contains("{realm}") {
                        let text = ObjectBuilder::new().schema_type(Type::String).build();
                        let realm = ParameterBuilder::new().name("realm").parameter_in(ParameterIn::Path);
                        let realm = realm.required(Required::True).schema(Some(text)).example(Some("accord".into()));
                        operation.parameters = Some(vec![RefOr::T(realm.build())]);
                    }
                }
                paths.insert(other.to_owned(), item);
            }
        }
    }

    fn described() -> Value {
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
