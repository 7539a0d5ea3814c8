//! How people come in: sign-up, and what its mails lead to: invitations, verified addresses, new passwords.

use accord_core::accounts::account::{NAME_MAX as ACCOUNT_NAME_MAX, NewAccount};
use accord_core::auth::secret;
use accord_core::entry::invitation;
use accord_core::entry::sign_up::{self, NAME_MAX, Newcomer};
use accord_core::people::limit::{self, Asked};
use accord_core::people::link::{self, Purpose};
use accord_core::people::{person, recovery};
use accord_core::sign_in::{credentials, password};
use accord_core::store::{Actor, Connection, Edit, Transaction};
use accord_core::values::id::{AccountId, PersonId};
use accord_web::body::SmallJson;
use accord_web::fields::Fields;
use accord_web::idempotency::{Answer, Repeatable};
use accord_web::{Bearer, Call, Result};
use axum::Json;
use http::HeaderMap;
use serde::Serialize;

use crate::done::Done;
use crate::failure::Problems;

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedUp<'a> {
    #[schema(value_type = i64)]
    id: PersonId,
    email: &'a str,
    #[schema(value_type = i64)]
    account_id: AccountId,
    account_name: &'a str,
    created_at: String,
}

/// Notes what is wrong with a new password, if anything is. `own` is what belongs to the person.
fn judge(fields: &mut Fields<'_>, password: &str, own: &[&str]) {
    if let Some(fault) = password::fault(password, own) {
        fields.refuse("password", fault);
    }
}

/// Sign up, with an account
#[utoipa::path(
    post, operation_id = "people_sign_up", path = "/api/accounts/signup", tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer again, for a day.")),
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
    judge(&mut fields, &password, &[&newcomer.email.address, &account.name]);
    fields.finish()?;
    limit::count(&Connection::lease().await?, Asked::SignUp, call.address).await?;
    let repeatable = Repeatable::of(&headers, None, "POST /api/accounts/signup", &body, true)?;
    let hash = secret::hash_password(&password)?;
    let edit = Edit::begin(call.author_of(Actor::Anonymous)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    let made = sign_up::sign_up(&edit, &newcomer, &hash, &account).await?;
    let body = SignedUp {
        id: made.person_id,
        email: &newcomer.email.address,
        account_id: made.account.id,
        account_name: &made.account.name,
        created_at: made.account.created_at.rfc3339(),
    };
    let answer = Answer::created(format!("/api/accounts/{}", made.account.id), &body)?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// Accept an invitation
///
/// A user who has no password yet sets it; one who has one proves it.
#[utoipa::path(
    post, operation_id = "people_accept", path = "/api/accounts/invitations/accept", tag = "accounts",
    request_body = crate::openapi::body::TokenAndPassword,
    responses((status = 200, description = "It is done.", body = Done), Problems)
)]
pub async fn accept(call: Call, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let (token, password) = (fields.required_raw("token"), fields.required_raw("password"));
    let connection = Connection::lease().await?;
    let bearer = link::bearer(&connection, Purpose::Invitation, &token);
    if bearer.as_ref().is_ok_and(|bearer| bearer.password_hash.is_none()) {
        judge(&mut fields, &password, &[]);
    }
    fields.finish()?;
    let bearer = bearer?;
    let hash = match &bearer.password_hash {
        Some(known) => {
            let known = Some(known.as_str());
            credentials::prove(&connection, bearer.person_id, "password", &password, known, call.address).await?;
            None
        }
        None => Some(secret::hash_password(&password)?),
    };
    let edit = Edit::begin_on(connection, call.author_of(Actor::Person(bearer.person_id))).await?;
    invitation::accept(&edit, &token, hash.as_deref()).await?;
    edit.commit().await?;
    Ok(Done::answer("Invitation accepted"))
}

/// Verify an e-mail address
#[utoipa::path(
    post, operation_id = "people_verify_email", path = "/api/accounts/email/verify", tag = "accounts",
    request_body = crate::openapi::body::Token,
    responses((status = 200, description = "It is done.", body = Done), Problems)
)]
pub async fn verify_email(call: Call, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let token = fields.required_raw("token");
    fields.finish()?;
    let edit = Edit::begin(call.author_of(Actor::Anonymous)).await?;
    recovery::verify_email(&edit, &token).await?;
    edit.commit().await?;
    Ok(Done::answer("Email verified"))
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
    let connection = Connection::lease().await?;
    limit::count(&connection, Asked::NewPassword, call.address).await?;
    let transaction = Transaction::begin_on(connection).await?;
    recovery::forgot_password(&transaction, &email).await?;
    transaction.commit().await?;
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
    judge(&mut fields, &password, &[]);
    fields.finish()?;
    // Looked up before it is hashed: a link that does not work costs nothing.
    let bearer = link::bearer(&Connection::lease().await?, Purpose::ResetPassword, &token)?;
    let hash = secret::hash_password(&password)?;
    let edit = Edit::begin(call.author_of(Actor::Person(bearer.person_id))).await?;
    recovery::reset_password(&edit, &token, &hash).await?;
    edit.commit().await?;
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
    let person_id = caller.require_person()?.id;
    let mut fields = Fields::read(&body)?;
    let (current, password) = (fields.required_raw("currentPassword"), fields.required_raw("password"));
    judge(&mut fields, &password, &[]);
    fields.finish()?;
    let connection = Connection::lease().await?;
    let (_, hash) = person::credentials(&connection, person_id)?;
    let hash = hash.as_deref();
    credentials::prove(&connection, person_id, "currentPassword", &current, hash, call.address).await?;
    let hash = secret::hash_password(&password)?;
    let edit = Edit::begin_on(connection, call.author(&caller)).await?;
    person::set_password(&edit, person_id, &hash).await?;
    edit.commit().await?;
    Ok(Done::answer("Password changed"))
}
