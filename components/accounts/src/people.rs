//! How people come in: sign-up, and what its mails lead to: invitations, verified addresses, new passwords.

use accord_core::account::NAME_MAX as ACCOUNT_NAME_MAX;
use accord_core::call::Call;
use accord_core::directory::NewAccount;
use accord_core::fields::Fields;
use accord_core::sign_up::{self, NAME_MAX, NewUser, Purpose};
use accord_core::store::{Connection, Transaction};
use accord_core::token::Caller;
use accord_core::{Error, Faults, secret, sign_in};
use axum::extract::Request;
use axum::response::Response;
use serde::Serialize;

use crate::accounts::time;
use crate::answer::{self, done};
use crate::input::{self, API, Authorized};
use crate::password;
#[cfg(not(target_family = "wasm"))]
use crate::problem::Problems;

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedUp<'a> {
    id: i64,
    email: &'a str,
    account_id: i64,
    account_name: &'a str,
    created_at: String,
}

/// Sign up, with an account
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_sign_up", path = "/api/accounts/signup", tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer again, for a day.")),
    request_body = crate::openapi::body::SignUp,
    responses((status = 201, description = "It is made.", body = SignedUp), Problems)
))]
pub async fn sign_up(call: Call, request: Request) -> Response {
    let signed_up = async {
        let (headers, body) = input::anonymous(request).await?;
        let mut fields = Fields::read(&body)?;
        let user = NewUser {
            email: fields.email("email"),
            first_name: fields.optional("firstName", NAME_MAX),
            last_name: fields.optional("lastName", NAME_MAX),
        };
        let account = NewAccount {
            name: fields.required("accountName", ACCOUNT_NAME_MAX),
            country: fields.country("country").flatten(),
            description: None,
            primary_contact: Some(user.email.address.clone()),
        };
        let password = fields.required_raw("password");
        password::judge(&mut fields, &password, &[&user.email.address, &account.name]);
        fields.finish()?;
        let key = input::idempotency_key(&call, None, &headers, "POST /api/accounts/signup", &body, true)?;
        let hash = secret::hash_password(&password)?;
        let transaction = Transaction::begin().await?;
        if let Some(answer) = answer::recall(key.as_ref(), &transaction)? {
            return Ok(answer);
        }
        let author = call.author_named("anonymous".to_owned(), API);
        let made = sign_up::sign_up(&transaction, &author, call.address, &user, &hash, &account).await?;
        let body = SignedUp {
            id: made.user_id,
            email: &user.email.address,
            account_id: made.account.id,
            account_name: &made.account.name,
            created_at: time(made.account.created_at),
        };
        let answer = answer::created(&format!("/api/accounts/{}", made.account.id), &body)?;
        answer::keep(transaction, key.as_ref(), answer).await
    };
    answer::answer(&call, signed_up.await)
}

/// Accept an invitation
///
/// A user who has no password yet sets it; one who has one proves it.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_accept", path = "/api/accounts/invitations/accept", tag = "accounts",
    request_body = crate::openapi::body::TokenAndPassword,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems)
))]
pub async fn accept(call: Call, request: Request) -> Response {
    let accepted = async {
        let (_, body) = input::anonymous(request).await?;
        let mut fields = Fields::read(&body)?;
        let (token, password) = (fields.required_raw("token"), fields.required_raw("password"));
        let connection = Connection::lease().await?;
        let bearer = sign_up::bearer(&connection, Purpose::Invitation, &token);
        let known = bearer.as_ref().ok().and_then(|bearer| bearer.password_hash.clone());
        if bearer.is_ok() && known.is_none() {
            password::judge(&mut fields, &password, &[]);
        }
        fields.finish()?;
        let bearer = bearer?;
        let hash = match known {
            Some(known) => {
                prove(&call, &connection, bearer.user_id, "password", &password, Some(&known)).await?;
                None
            }
            None => Some(secret::hash_password(&password)?),
        };
        let transaction = Transaction::begin_on(connection).await?;
        let author = call.author_named(format!("user:{}", bearer.user_id), API);
        let bearer = sign_up::accept(&transaction, &author, &token, hash.as_deref()).await?;
        // Set by another link between the look and the lock: it was not proved.
        if hash.is_some() && bearer.password_hash.is_some() {
            return Err(Error::Invalid(Faults::of("password", WRONG)));
        }
        transaction.commit().await
    };
    done(&call, accepted.await, "Invitation accepted")
}

/// Verify an e-mail address
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_verify_email", path = "/api/accounts/email/verify", tag = "accounts",
    request_body = crate::openapi::body::Token,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems)
))]
pub async fn verify_email(call: Call, request: Request) -> Response {
    let verified = async {
        let (_, body) = input::anonymous(request).await?;
        let mut fields = Fields::read(&body)?;
        let token = fields.required_raw("token");
        fields.finish()?;
        let transaction = Transaction::begin().await?;
        let author = call.author_named("anonymous".to_owned(), API);
        sign_up::verify_email(&transaction, &author, &token).await?;
        transaction.commit().await
    };
    done(&call, verified.await, "Email verified")
}

/// Ask for a mail to reset a password
///
/// The answer is the same whether or not there is such a user.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_forgot_password", path = "/api/accounts/password/forgot", tag = "accounts",
    request_body = crate::openapi::body::Forgotten,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems)
))]
pub async fn forgot_password(call: Call, request: Request) -> Response {
    let sent = async {
        let (_, body) = input::anonymous(request).await?;
        let mut fields = Fields::read(&body)?;
        let email = fields.email("email");
        fields.finish()?;
        let transaction = Transaction::begin().await?;
        sign_up::forgot_password(&transaction, &email, call.address).await?;
        transaction.commit().await
    };
    done(&call, sent.await, "If the address is known, a mail is on its way")
}

/// Reset a password
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_reset_password", path = "/api/accounts/password/reset", tag = "accounts",
    request_body = crate::openapi::body::TokenAndPassword,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems)
))]
pub async fn reset_password(call: Call, request: Request) -> Response {
    let reset = async {
        let (_, body) = input::anonymous(request).await?;
        let mut fields = Fields::read(&body)?;
        let (token, password) = (fields.required_raw("token"), fields.required_raw("password"));
        password::judge(&mut fields, &password, &[]);
        fields.finish()?;
        // Looked up before it is hashed: a link that does not work costs nothing.
        let bearer = sign_up::bearer(&Connection::lease().await?, Purpose::ResetPassword, &token)?;
        let hash = secret::hash_password(&password)?;
        let transaction = Transaction::begin().await?;
        let author = call.author_named(format!("user:{}", bearer.user_id), API);
        sign_up::reset_password(&transaction, &author, &token, &hash).await?;
        transaction.commit().await
    };
    done(&call, reset.await, "Password changed")
}

/// Change the password of the user who is signed in
///
/// Every session ends, this one too.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "people_change_password", path = "/api/accounts/password/change", tag = "accounts",
    request_body = crate::openapi::body::PasswordChange,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn change_password(call: Call, request: Request) -> Response {
    let changed = async {
        let Authorized { caller, body, .. } = input::authorized(request).await?;
        let Caller::User(user) = &caller else { return Err(Error::Forbidden { needs: "the token of a user" }) };
        let mut fields = Fields::read(&body)?;
        let (current, password) = (fields.required_raw("currentPassword"), fields.required_raw("password"));
        password::judge(&mut fields, &password, &[]);
        fields.finish()?;
        let connection = Connection::lease().await?;
        let (_, hash) = sign_up::credentials(&connection, user.id)?;
        prove(&call, &connection, user.id, "currentPassword", &current, hash.as_deref()).await?;
        let hash = secret::hash_password(&password)?;
        let transaction = Transaction::begin_on(connection).await?;
        sign_up::set_password(&transaction, &call.author_of(&caller, API), user.id, &hash).await?;
        transaction.commit().await
    };
    done(&call, changed.await, "Password changed")
}

/// What is said of a password that is not the user's.
const WRONG: &str = "is not right";

/// Proves a user's password, which the request has as `field`, within the limit on failed sign-ins.
async fn prove(
    call: &Call,
    connection: &Connection,
    user_id: i64,
    field: &str,
    password: &str,
    hash: Option<&str>,
) -> Result<(), Error> {
    let attempt = sign_in::attempt(connection, &format!("user-id:{user_id}"), call.address).await?;
    if secret::verify_password(password, hash) {
        return Ok(());
    }
    Err(attempt.failed(connection, Error::Invalid(Faults::of(field, WRONG))).await)
}
