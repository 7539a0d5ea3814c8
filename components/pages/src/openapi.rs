//! The description of what relying parties send browsers to (the other pages are for people alone), kept in the file
//! `openapi.json`, which the component `console` serves as a part of the whole.

#![allow(dead_code, reason = "read by the generator only")]

use accord_core::sign_in::authorization::TEXT_MAX;
use accord_web::described::{ClientId, RedirectUri, number, one_of, string};
use utoipa::{IntoParams, IntoResponses, ToSchema};

accord_web::values! {
    /// What is answered: a code.
    ResponseType = one_of(["code"]);
    /// How it is answered.
    ResponseMode = one_of(["query", "fragment"]);
    /// Scopes, `openid` among them.
    Scopes = string().pattern(Some("^(\\S+ +)*openid( +\\S+)*$")).examples(["openid profile email"]);
    /// A text that is given back, or that helps.
    Remark = string().max_length(Some(TEXT_MAX)).examples(["af0ifjsldkj"]);
    /// The SHA-256 of a verifier, in base64url.
    Challenge = string()
        .pattern(Some("^[A-Za-z0-9_-]{43}$"))
        .examples(["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]);
    /// How a challenge is made.
    ChallengeMethod = one_of(["S256"]);
    /// What the person is asked.
    Prompt = string()
        .pattern(Some("^(none|(login|select_account|consent)( (login|select_account|consent))*)$"))
        .examples(["login"]);
    /// Seconds.
    Age = number(0).maximum(Some(u32::MAX)).examples([3600]);
    /// Languages, with spaces between them.
    Locales = string().examples(["en"]);
    /// An ID token that was got here.
    IdToken = string().examples(["eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"]);
}

/// What a relying party asks for.
#[derive(IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[schema(as = AuthorizationRequest, example = json!({
    "response_type": "code", "client_id": "b3f0c1de5a9d4c1e8a77", "redirect_uri": "https://app.example.com/callback",
    "scope": "openid profile email", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256"
}))]
pub struct Authorization {
    #[param(inline, example = "code")]
    response_type: ResponseType,
    /// The connector.
    #[param(inline, example = "b3f0c1de5a9d4c1e8a77")]
    client_id: ClientId,
    /// Where the browser is sent back to: one of those of the connector.
    #[param(inline, example = "https://app.example.com/callback")]
    redirect_uri: RedirectUri,
    /// What the relying party wants to know and to do: `openid`, and of `profile`, `email`, `phone`, and of what the connector
    /// holds `accounts:read` and `accounts:manage`.
    #[param(inline, example = "openid profile email")]
    scope: Scopes,
    /// It comes back as it is.
    #[param(inline)]
    #[schema(nullable = false)]
    state: Option<Remark>,
    /// It is in the ID token.
    #[param(inline)]
    #[schema(nullable = false)]
    nonce: Option<Remark>,
    /// PKCE (RFC 7636), which a connector needs unless it was made otherwise.
    #[param(inline)]
    #[schema(nullable = false)]
    code_challenge: Option<Challenge>,
    #[param(inline)]
    #[schema(nullable = false)]
    code_challenge_method: Option<ChallengeMethod>,
    /// `none` asks nothing, and fails where something would have to be asked.
    #[param(inline)]
    #[schema(nullable = false)]
    prompt: Option<Prompt>,
    /// How many seconds ago the person may have signed in.
    #[param(inline)]
    #[schema(nullable = false)]
    max_age: Option<Age>,
    /// Who is probably there: the name is filled in.
    #[param(inline)]
    #[schema(nullable = false)]
    login_hint: Option<Remark>,
    /// Who has to be there.
    #[param(inline)]
    #[schema(nullable = false)]
    id_token_hint: Option<IdToken>,
    /// The account to sign in to, an id or a name.
    #[param(inline)]
    #[schema(nullable = false)]
    account: Option<Remark>,
    /// `query` if left out.
    #[param(inline)]
    #[schema(nullable = false)]
    response_mode: Option<ResponseMode>,
    #[param(inline)]
    #[schema(nullable = false)]
    ui_locales: Option<Locales>,
}

/// Who wants somebody to sign out.
#[derive(IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[schema(as = LogoutRequest, example = json!({ "client_id": "b3f0c1de5a9d4c1e8a77" }))]
pub struct Logout {
    /// An ID token of the session: with it nobody is asked.
    #[param(inline)]
    #[schema(nullable = false)]
    id_token_hint: Option<IdToken>,
    /// The connector, if there is no ID token.
    #[param(inline)]
    #[schema(nullable = false)]
    client_id: Option<ClientId>,
    /// Where the browser is sent back to: one of those of the connector.
    #[param(inline)]
    #[schema(nullable = false)]
    post_logout_redirect_uri: Option<RedirectUri>,
    /// It comes back as it is.
    #[param(inline)]
    #[schema(nullable = false)]
    state: Option<Remark>,
}

/// What a browser is shown.
#[derive(IntoResponses)]
pub enum Shown {
    /// A page: to sign in, to choose an account, or to sign out.
    #[response(status = 200, content_type = "text/html")]
    Page(String),
    /// The browser is sent on: back to the relying party with what came of it, unless there is something to ask.
    #[response(status = 303, headers(("Location" = String, description = "Where to.")))]
    Elsewhere,
}

/// What a browser is told that sends a form.
#[derive(IntoResponses)]
pub enum Resent {
    /// The browser is to ask the same by `GET`: it leaves its cookies out of another site's form.
    #[response(status = 303, headers(("Location" = String, description = "Where to.")))]
    ByGet,
    /// The form has more than 16 KiB.
    #[response(status = 413, content_type = "text/html")]
    TooLarge(String),
    /// The body is not form-encoded by its media type.
    #[response(status = 415, content_type = "text/html")]
    UnsupportedMediaType(String),
}

/// What a browser is shown where nothing comes of it.
#[derive(IntoResponses)]
pub enum Faults {
    /// There is no such connector, or the address to go back to is not one of its own: nobody is sent there. Or the request is wrong
    /// in another way, and somebody who is not signed in is asked before going back.
    #[response(status = 400, content_type = "text/html")]
    Foreign(String),
    /// The request demands a version (`If-Match`), and there are none.
    #[response(status = 412, content_type = "text/html")]
    PreconditionFailed(String),
    /// Something went wrong in the service.
    #[response(status = 500, content_type = "text/html")]
    Internal(String),
    /// The directory is busy (`Retry-After` says when again), or these pages keep no cookie on plain HTTP.
    #[response(status = 503, content_type = "text/html")]
    Unavailable(String),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
    use utoipa::openapi::{OpenApi, RefOr, Required};
    use utoipa::{Modify, OpenApi as _, PartialSchema as _};

    use crate::{OPERATIONS, authorize};

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Pages", description = "What relying parties send browsers to"),
        paths(authorize::authorize, authorize::resend, authorize::log_out, authorize::resend_log_out),
        modifiers(&OfRealm)
    )]
    struct Description;

    /// The authorization endpoint is at a second path, and annotated at the first.
    struct OfRealm;

    accord_web::values! {
        /// Any realm.
        Realm = accord_web::described::string().examples(["accord"]);
    }

    impl Modify for OfRealm {
        fn modify(&self, description: &mut OpenApi) {
            let mut item = description.paths.paths["/oauth/authorize"].clone();
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                operation.operation_id = operation.operation_id.take().map(|id| id + "_of_realm");
                operation.summary = operation.summary.take().map(|text| text + " where clients of Keycloak look");
                operation.description =
                    Some("As at `/oauth/authorize`, whatever the `realm`: there is one directory.".to_owned());
                let realm = ParameterBuilder::new().name("realm").parameter_in(ParameterIn::Path);
                let realm = realm.required(Required::True).schema(Some(Realm::schema())).example(Some("accord".into()));
                let realm = realm.description(Some("Any: there is one directory.")).build();
                operation.parameters.get_or_insert_default().insert(0, RefOr::T(realm));
            }
            description.paths.paths.insert("/realms/{realm}/protocol/openid-connect/auth".to_owned(), item);
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
    fn what_is_described_is_routed() {
        let described = described();
        let described: BTreeSet<_> =
            accord_description::operations(&described).map(|(method, path, _)| (method, path)).collect();
        assert!(described.is_subset(&OPERATIONS.iter().copied().collect()), "{described:?}");
    }
}
