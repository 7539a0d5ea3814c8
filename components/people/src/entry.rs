//! How people come in: sign-up, and what its mails lead to: invitations, verified addresses, new passwords.

use accord_core::accounts::account::{NAME_MAX as ACCOUNT_NAME_MAX, NewAccount};
use accord_core::auth::caller::Caller;
use accord_core::auth::limit::{self, Asked};
use accord_core::auth::secret;
use accord_core::entry::sign_up::{self, NAME_MAX, Newcomer};
use accord_core::entry::{door, invitation, recovery};
use accord_core::error::{Conflict, Error};
use accord_core::sign_in::password;
use accord_core::store::{Actor, Connection, Edit, still};
use accord_core::values::id::{AccountId, PersonId};
use accord_resources::account::{self, Shown};
use accord_resources::parameters::{IfNoneMatch, Repeated};
use accord_resources::{Done, Problems, written};
use accord_web::body::SmallJson;
use accord_web::described::{AccountName, EmailAddress, Id, Timestamp};
use accord_web::fields::Fields;
use accord_web::idempotency::{Answer, Repeatable};
use accord_web::{Bearer, Call, Result, authorization};
use axum::Json;
use axum::response::Response;
use http::{HeaderMap, header};
use serde::Serialize;

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedUp<'a> {
    #[schema(value_type = Id)]
    id: PersonId,
    #[schema(value_type = EmailAddress)]
    email: &'a str,
    #[schema(value_type = Id)]
    account_id: AccountId,
    #[schema(value_type = AccountName)]
    account_name: &'a str,
    #[schema(value_type = Timestamp)]
    created_at: String,
}

/// Sign up, with an account
#[utoipa::path(
    post, operation_id = "people_sign_up", path = "/api/accounts/signup", tag = "accounts",
    params(Repeated),
    request_body = crate::openapi::body::SignUp,
    responses((status = 201, description = "It is made.", body = SignedUp), Problems)
)]
pub async fn sign_up(call: Call, headers: HeaderMap, SmallJson(body): SmallJson) -> Result<Answer> {
    let mut fields = Fields::read(&body)?;
    let newcomer = Newcomer {
        email: fields.email("email"),
        first_name: fields.optional("firstName", NAME_MAX),
        last_name: fields.optional("lastName", NAME_MAX),
    };
    let account = NewAccount {
        name: fields.required("accountName", ACCOUNT_NAME_MAX),
        country: fields.country("country").into_value(),
        primary_contact: Some(newcomer.email.address.clone()),
        ..NewAccount::default()
    };
    let password = fields.required_raw("password");
    let own =
        [Some(&newcomer.email.address), Some(&account.name), newcomer.first_name.as_ref(), newcomer.last_name.as_ref()];
    let own: Vec<_> = own.into_iter().flatten().map(String::as_str).collect();
    if let Some(fault) = password::fault(&password, &own) {
        fields.refuse("password", fault);
    }
    fields.finish()?;
    limit::count(&Connection::lease().await?, Asked::SignUp, call.address).await?;
    still().await;
    let repeatable = Repeatable::of(&headers, None, "POST /api/accounts/signup", &body, true)?;
    still().await;
    let hash = secret::hash_password(&password)?;
    let edit = Edit::begin(call.author_of(Actor::Anonymous)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    let Some(made) = sign_up::sign_up(&edit, &newcomer, &hash, &account).await? else {
        // Whoever has the address is told.
        edit.commit().await?;
        return Err(Error::Conflict(Conflict::AddressTaken).into());
    };
    let body = SignedUp {
        id: made.person_id,
        email: &newcomer.email.address,
        account_id: made.account.id,
        account_name: &made.account.name,
        created_at: written(made.account.created_at),
    };
    let answer = Answer::created(format!("/api/accounts/{}", made.account.id), &body)?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// Get the account of the name signup
///
/// As by any other name. `POST` there is another operation.
#[utoipa::path(
    get, operation_id = "accounts_get_signup", path = "/api/accounts/signup", tag = "accounts",
    params(IfNoneMatch),
    responses((status = 200, description = "It is done.", body = Shown), (status = 304, description = "It has the ETag of If-None-Match."), Problems),
    security(("bearer" = []))
)]
pub async fn get_signup(Bearer(caller): Bearer, headers: HeaderMap) -> Result<Response> {
    account::show(&caller, "signup", &headers).await
}

/// Who is signed in, of an operation that takes a password as well.
async fn signed_in(headers: &HeaderMap) -> Result<Option<Caller>> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let caller = authorization::caller(headers).await?;
    caller.require_person()?;
    Ok(Some(caller))
}

/// Accept an invitation
///
/// With the token alone it acts for the user whose address it was mailed to: one who has no password yet sets it, and one who
/// has one proves it. It acts for the user who is signed in, if one is: no password is needed if the address is that user's; else
/// the address becomes that user's by the password, and the user's other addresses are told.
#[utoipa::path(
    post, operation_id = "people_accept", path = "/api/accounts/invitations/accept", tag = "accounts",
    request_body = crate::openapi::body::Proof,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security((), ("bearer" = []))
)]
pub async fn accept(call: Call, headers: HeaderMap, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let token = fields.required_raw("token");
    if let Some(caller) = signed_in(&headers).await? {
        let person_id = caller.require_person()?.id;
        let is_to = invitation::is_to(&Connection::lease().await?, &token, person_id).unwrap_or(true);
        let password = if is_to { None } else { Some(fields.required_raw("password")) };
        fields.finish()?;
        door::accept_as(call.author(&caller), &token, person_id, password.as_deref(), call.address).await?;
        return Ok(Done::answer("Invitation accepted"));
    }
    let password = fields.required_raw("password");
    fields.finish()?;
    door::accept(|actor| call.author_of(actor), &token, &password, call.address).await?;
    Ok(Done::answer("Invitation accepted"))
}

/// Verify an e-mail address
///
/// The address of a sign-up, or the next one of a user. The token proves the mailbox and the password the user: without it
/// somebody could confirm what somebody else has claimed. A user who is signed in needs no password.
#[utoipa::path(
    post, operation_id = "people_verify_email", path = "/api/accounts/email/verify", tag = "accounts",
    request_body = crate::openapi::body::Proof,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security((), ("bearer" = []))
)]
pub async fn verify_email(call: Call, headers: HeaderMap, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let token = fields.required_raw("token");
    if let Some(caller) = signed_in(&headers).await? {
        fields.finish()?;
        let edit = Edit::begin(call.author(&caller)).await?;
        recovery::confirm(&edit, &token, caller.require_person()?.id).await?;
        edit.commit().await?;
        return Ok(Done::answer("Email verified"));
    }
    let password = fields.required_raw("password");
    fields.finish()?;
    door::confirm(|actor| call.author_of(actor), &token, &password, call.address).await?;
    Ok(Done::answer("Email verified"))
}

/// Take back an e-mail address that was changed
///
/// The link was mailed to the address before, and works for seven days. Every session ends, and the password has to be set
/// anew.
#[utoipa::path(
    post, operation_id = "people_undo_email", path = "/api/accounts/email/undo", tag = "accounts",
    request_body = crate::openapi::body::Token,
    responses((status = 200, description = "It is done.", body = Done), Problems)
)]
pub async fn undo_email(call: Call, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let token = fields.required_raw("token");
    fields.finish()?;
    let edit = Edit::begin(call.author_of(Actor::Anonymous)).await?;
    recovery::undo_email(&edit, &token).await?;
    edit.commit().await?;
    Ok(Done::answer("Email taken back"))
}

/// Ask for a mail to reset a password
///
/// The answer is the same whether or not there is such a user.
#[utoipa::path(
    post, operation_id = "people_forgot_password", path = "/api/accounts/password/forgot", tag = "accounts",
    request_body = crate::openapi::body::Forgotten,
    responses((status = 200, description = "It is done.", body = Done), Problems)
)]
pub async fn forgot_password(call: Call, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let email = fields.email("email");
    fields.finish()?;
    door::forgot(call.author_of(Actor::Anonymous), &email, call.address).await?;
    Ok(Done::answer("If the address is known, a mail is on its way"))
}

/// Reset a password
#[utoipa::path(
    post, operation_id = "people_reset_password", path = "/api/accounts/password/reset", tag = "accounts",
    request_body = crate::openapi::body::TokenAndPassword,
    responses((status = 200, description = "It is done.", body = Done), Problems)
)]
pub async fn reset_password(call: Call, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let (token, password) = (fields.required_raw("token"), fields.required_raw("password"));
    fields.finish()?;
    door::reset(|actor| call.author_of(actor), &token, &password).await?;
    Ok(Done::answer("Password changed"))
}

/// Change the password of the user who is signed in
///
/// Every session ends, this one too.
#[utoipa::path(
    post, operation_id = "people_change_password", path = "/api/accounts/password/change", tag = "accounts",
    request_body = crate::openapi::body::PasswordChange,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn change_password(call: Call, Bearer(caller): Bearer, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    set_password(&call, &caller, &body).await
}

/// Changes the password of the person who is signed in, and knows the one before.
pub async fn set_password(call: &Call, caller: &Caller, body: &[u8]) -> Result<Json<Done>> {
    let person_id = caller.require_person()?.id;
    let mut fields = Fields::read(body)?;
    let (current, password) = (fields.required_raw("currentPassword"), fields.required_raw("password"));
    fields.finish()?;
    door::change_password(call.author(caller), person_id, "currentPassword", &current, &password, call.address).await?;
    Ok(Done::answer("Password changed"))
}
