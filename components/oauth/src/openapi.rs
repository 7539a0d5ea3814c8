//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

#![allow(dead_code, reason = "bodies that are read or made field by field: these are read by the generator only")]

use serde::Serialize;
use utoipa::ToSchema;

/// How a token is asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
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
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: Vec<String>,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    grant_types_supported: Vec<String>,
    response_types_supported: Vec<String>,
    scopes_supported: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
    use utoipa::openapi::{OpenApi, RefOr, Required};
    use utoipa::{Modify, OpenApi as _};

    use crate::{OPERATIONS, discovery, failure, health, inspection, rotation, token};

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "OAuth", description = "Tokens of clients and users"),
        paths(
            token::token, inspection::revoke, inspection::introspect, rotation::rotate, discovery::keys, discovery::metadata, health::live,
            health::ready,
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
        }
    }

    /// The token endpoint is one at three paths, annotated at the first.
    struct OtherPaths;

    impl Modify for OtherPaths {
        fn modify(&self, description: &mut OpenApi) {
            let paths = &mut description.paths.paths;
            let token = paths["/oauth/token"].clone();
            for (path, name, summary, description) in [
                (
                    token::ENDPOINT_PATH,
                    "oauth_token_of_endpoint",
                    "Get a token at the path of the endpoint API",
                    "As at `/oauth/token`. A connector gets a refresh token here, too.",
                ),
                (
                    "/realms/{realm}/protocol/openid-connect/token",
                    "oauth_token_of_realm",
                    "Get a token at the path of the portal",
                    "As at `/oauth/token`, whatever the `realm`: there is one directory.",
                ),
            ] {
                let mut token = token.clone();
                let operation = token.post.as_mut().expect("it is a POST");
                operation.operation_id = Some(name.to_owned());
                operation.summary = Some(summary.to_owned());
                operation.description = Some(description.to_owned());
                if path.contains("{realm}") {
                    let text = ObjectBuilder::new().schema_type(Type::String).build();
                    let realm =
                        ParameterBuilder::new().name("realm").parameter_in(ParameterIn::Path).required(Required::True);
                    operation.parameters =
                        Some(vec![RefOr::T(realm.schema(Some(text)).example(Some("accord".into())).build())]);
                }
                paths.insert(path.to_owned(), token);
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
