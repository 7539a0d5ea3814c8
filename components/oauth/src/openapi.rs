//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers, natively,
//! and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

#![allow(dead_code, reason = "bodies that are read or made field by field: these are read by the generator only")]

use accord_core::auth::key::Algorithm;
use accord_web::described::{
    ClientId, ClientSecret, EmailAddress, FirstName, FullName, Id, LastName, Password, Phone, RedirectUri, formatted,
    one_of, string,
};
use serde::Serialize;
use utoipa::ToSchema;

accord_web::values! {
    /// Scopes, with a space between them.
    ScopeList = string().pattern(Some(r"^[!#-\[\]-~]+(,? [!#-\[\]-~]+)*$")).examples(["portal:write"]);
    /// The scopes of a token, none of which is there.
    ScopeOfToken = string().examples(["portal:write"]);
    /// A name to sign in by.
    SignInName = string().min_length(Some(1)).examples(["jane@example.com"]);
    /// An account that is named.
    NamedAccount = string().min_length(Some(1)).examples(["Acme Ltd."]);
    /// A secret of one token or code.
    TokenText = string().min_length(Some(1)).examples(["a-token"]);
    /// What answers a challenge (RFC 7636, section 4.1).
    Verifier = string()
        .min_length(Some(43))
        .max_length(Some(128))
        .pattern(Some("^[A-Za-z0-9._~-]+$"))
        .examples(["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"]);
    /// Whom a token speaks of.
    Subject = string().examples(["894ea43c-b8a6-4195-9a9c-82c07d9cc33a"]);
    /// Where a client reaches this.
    Endpoint = formatted("uri").examples(["https://accord.example.com"]);
    /// Seconds since the epoch.
    Seconds = accord_web::described::number(0).examples([1_795_941_000]);
    /// An algorithm of signatures.
    SignatureAlgorithm = one_of(Algorithm::ALL.into_iter().map(Algorithm::name));
    /// A part of a key (RFC 7518), in base64url.
    KeyPart = string().pattern(Some("^[A-Za-z0-9_-]+$")).examples(["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]);
    /// A word of a list in the metadata.
    Word = string().examples(["code"]);
    /// Any realm.
    Realm = string().examples(["accord"]);
}

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
    #[schema(nullable = false)]
    scope: Option<ScopeList>,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_id: Option<ClientId>,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_secret: Option<ClientSecret>,
    /// For `password`: the user's username or e-mail address.
    #[schema(nullable = false)]
    username: Option<SignInName>,
    /// For `password`.
    #[schema(nullable = false)]
    password: Option<Password>,
    /// For `password`: the account to sign in to, an id or a name. Required if the user has several.
    #[schema(nullable = false)]
    account: Option<NamedAccount>,
    /// For `refresh_token`. It works once.
    #[schema(nullable = false)]
    refresh_token: Option<TokenText>,
    /// For `authorization_code`. It works once, for a minute.
    #[schema(nullable = false)]
    code: Option<TokenText>,
    /// For `authorization_code`: where the code was sent.
    #[schema(nullable = false)]
    redirect_uri: Option<RedirectUri>,
    /// For `authorization_code`: what answers the challenge of the request (RFC 7636).
    #[schema(nullable = false)]
    code_verifier: Option<Verifier>,
}

/// A session to end. Other parameters are ignored.
#[derive(ToSchema)]
#[schema(example = json!({ "refresh_token": "a-refresh-token" }))]
pub struct SessionToEnd {
    refresh_token: TokenText,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_id: Option<ClientId>,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_secret: Option<ClientSecret>,
}

/// What a relying party learns of a user, by the scopes `profile`, `email` and `phone` (OpenID Connect Core 1.0, section 5.1).
#[derive(ToSchema)]
pub struct PersonClaims {
    name: Option<FullName>,
    given_name: Option<FirstName>,
    family_name: Option<LastName>,
    updated_at: Option<Seconds>,
    /// The address that signs in.
    email: Option<EmailAddress>,
    email_verified: Option<bool>,
    /// What the account says of the user's telephone.
    phone_number: Option<Phone>,
    phone_number_verified: Option<bool>,
}

/// A token to revoke (RFC 7009) or to introspect (RFC 7662). Other parameters are ignored.
#[derive(ToSchema)]
#[schema(example = json!({ "token": "a-token" }))]
pub struct TokenToInspect {
    /// An access token or a refresh token.
    token: TokenText,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_id: Option<ClientId>,
    /// Of a client that does not use HTTP Basic.
    #[schema(nullable = false)]
    client_secret: Option<ClientSecret>,
}

/// The credentials of a client, which has no need of it if it uses HTTP Basic.
#[derive(ToSchema)]
#[schema(example = json!({}))]
pub struct Client {
    #[schema(nullable = false)]
    client_id: Option<ClientId>,
    #[schema(nullable = false)]
    client_secret: Option<ClientSecret>,
}

/// What a token is. Only an active one has more than `active`.
#[derive(ToSchema)]
pub struct Introspection {
    active: bool,
    #[schema(nullable = false, example = "Bearer")]
    token_type: Option<String>,
    client_id: Option<ClientId>,
    sub: Option<Subject>,
    scope: Option<ScopeOfToken>,
    iss: Option<Endpoint>,
    #[schema(example = "accord")]
    aud: Option<String>,
    jti: Option<accord_web::described::Uuid>,
    iat: Option<Seconds>,
    exp: Option<Seconds>,
    /// The account that a user signed in to.
    account: Option<Id>,
}

/// A key set (RFC 7517).
#[derive(ToSchema)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// A public key (RFC 7517), with the members of its type.
#[derive(ToSchema)]
#[schema(example = json!({
    "kty": "OKP", "kid": "Qm9vdHN0cmFw", "alg": "EdDSA", "use": "sig", "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
}))]
pub struct Key {
    kty: KeyType,
    kid: KeyPart,
    alg: SignatureAlgorithm,
    r#use: KeyUse,
    crv: Option<Curve>,
    x: Option<KeyPart>,
    y: Option<KeyPart>,
    n: Option<KeyPart>,
    e: Option<KeyPart>,
}

/// The type of a key.
#[derive(ToSchema)]
pub enum KeyType {
    #[schema(rename = "OKP")]
    Edwards,
    #[schema(rename = "EC")]
    Weierstrass,
    #[schema(rename = "RSA")]
    Factors,
}

/// What a key is for.
#[derive(ToSchema)]
pub enum KeyUse {
    #[schema(rename = "sig")]
    Signatures,
}

/// The curve of a key.
#[derive(ToSchema)]
pub enum Curve {
    #[schema(rename = "Ed25519")]
    Edwards,
    #[schema(rename = "P-256")]
    Weierstrass,
}

/// What the server is and can do (RFC 8414).
#[derive(ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the members are those of the document")]
pub struct Metadata {
    issuer: Endpoint,
    authorization_endpoint: Endpoint,
    token_endpoint: Endpoint,
    token_endpoint_auth_methods_supported: Vec<Word>,
    userinfo_endpoint: Endpoint,
    end_session_endpoint: Endpoint,
    jwks_uri: Endpoint,
    revocation_endpoint: Endpoint,
    revocation_endpoint_auth_methods_supported: Vec<Word>,
    introspection_endpoint: Endpoint,
    introspection_endpoint_auth_methods_supported: Vec<Word>,
    grant_types_supported: Vec<Word>,
    response_types_supported: Vec<Word>,
    response_modes_supported: Vec<Word>,
    code_challenge_methods_supported: Vec<Word>,
    authorization_response_iss_parameter_supported: bool,
    subject_types_supported: Vec<Word>,
    id_token_signing_alg_values_supported: Vec<SignatureAlgorithm>,
    prompt_values_supported: Vec<Word>,
    claims_supported: Vec<Word>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    scopes_supported: Vec<Word>,
}

#[cfg(test)]
mod tests {
    use accord_description::conditions::{self, has, is, when};
    use serde_json::Value;
    use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
    use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::openapi::{OpenApi, RefOr, Required};
    use utoipa::{Modify, OpenApi as _, PartialSchema as _};

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
        tags((
        name = "oauth",
        description = "Tokens of clients and users, and how to check them. [What each operation does](/reference/oauth)"
    )),
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
                        let realm = ParameterBuilder::new().name("realm").parameter_in(ParameterIn::Path);
                        let realm = realm.required(Required::True).schema(Some(super::Realm::schema()));
                        let realm =
                            realm.description(Some("Any: there is one directory.")).example(Some("accord".into()));
                        operation.parameters = Some(vec![RefOr::T(realm.build())]);
                    }
                }
                paths.insert(other.to_owned(), item);
            }
        }
    }

    fn described() -> Value {
        let whole = serde_json::to_value(Description::openapi()).expect("a description is JSON");
        let mut whole = accord_description::write_out(whole);
        let of = |grant: &str, parameters: &[&str]| when(is("grant_type", grant), has(parameters));
        let grants = [
            of("authorization_code", &["code"]),
            of("password", &["username", "password"]),
            of("refresh_token", &["refresh_token"]),
        ];
        conditions::add(&mut whole, "TokenRequest", grants);
        whole
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
