//! Who has signed in, for a relying party that shows the access token (OpenID Connect Core 1.0, section 5.3).

use accord_core::auth::caller::Caller;
use accord_core::auth::id_token::PersonClaims;
use accord_core::auth::scope::{OPENID, Scopes};
use accord_core::error::{Error, Unauthenticated};
use accord_core::sign_in::{claims, inspection};
use accord_core::store::Connection;
use accord_core::values::id::AccountId;
use accord_web::Call;
use accord_web::authorization::bearer;
use accord_web::described::Id;
use axum::Json;
use axum::extract::{FromRequest as _, Request};
use http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::{Failure, Failures};
use crate::form::Form;
use crate::openapi;
use crate::token::{Unkept, unkept};

/// Who has signed in.
#[derive(Serialize, ToSchema)]
pub struct UserInfo {
    #[schema(value_type = openapi::Subject)]
    sub: String,
    /// The account that the user signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    account: Option<AccountId>,
    #[serde(flatten)]
    #[schema(value_type = openapi::PersonClaims)]
    person: PersonClaims,
}

/// Get who has signed in
///
/// What the scopes of the token allow to tell of the user: `openid` is needed.
#[utoipa::path(
    get,
    operation_id = "oauth_userinfo",
    path = "/oauth/userinfo",
    tag = "oauth",
    responses(
        (status = 200, description = "The user.", body = UserInfo),
        (status = 403, description = "No browser was asked for the token.", body = crate::failure::Body),
        Failures,
    ),
    security(("bearer" = []))
)]
pub async fn get(call: Call, headers: HeaderMap) -> Result<Unkept<Json<UserInfo>>, Failure> {
    answer(&call, bearer(&headers).map_err(invalid_token)?).await
}

/// Get who has signed in, by a form
///
/// As `GET`; the token may also be the form's `access_token` (RFC 6750, section 2.2).
#[utoipa::path(
    post,
    operation_id = "oauth_userinfo_by_form",
    path = "/oauth/userinfo",
    tag = "oauth",
    responses(
        (status = 200, description = "The user.", body = UserInfo),
        (status = 403, description = "No browser was asked for the token.", body = crate::failure::Body),
        Failures,
    ),
    security(("bearer" = []))
)]
pub async fn post(call: Call, request: Request) -> Result<Unkept<Json<UserInfo>>, Failure> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return answer(&call, bearer(request.headers()).map_err(invalid_token)?).await;
    }
    let missing = Failure::InvalidToken(Unauthenticated::Missing);
    if !request.headers().contains_key(header::CONTENT_TYPE) {
        return Err(missing);
    }
    let token = Form::from_request(request, &()).await?.access_token.ok_or(missing)?;
    answer(&call, &token).await
}

async fn answer(call: &Call, token: &str) -> Result<Unkept<Json<UserInfo>>, Failure> {
    let connection = Connection::lease().await?;
    let inspected = inspection::inspect(token, &connection).await?;
    let (verified, caller) = inspected.ok_or(Failure::InvalidToken(Unauthenticated::InvalidToken))?;
    call.refuse_demands()?;
    let scopes = Scopes::trusted(verified.scope.clone());
    let person = match caller {
        Caller::Person(person) if scopes.contains(OPENID) => person,
        _ => return Err(Failure::InsufficientScope),
    };
    let claims = claims::of(&connection, person.id, verified.account, &scopes)?;
    Ok(unkept(Json(UserInfo { sub: verified.subject.clone(), account: verified.account, person: claims })))
}

fn invalid_token(error: Error) -> Failure {
    match error {
        Error::Unauthenticated(why) => Failure::InvalidToken(why),
        other => Failure::from(other),
    }
}
