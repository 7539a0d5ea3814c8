//! The users of an account: invite, add, change roles, invite again, remove.

use accord_core::Error;
use accord_core::call::Call;
use accord_core::error::Thing;
use accord_core::fields::Fields;
use accord_core::membership::{self, Change};
use accord_core::sign_up::{self, NAME_MAX, NewUser};
use accord_core::store::{Transaction, now};
use axum::extract::{Path, Request};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use crate::accounts::time;
use crate::answer::{self, done};
use crate::input::{self, API, Authorized};
#[cfg(not(target_family = "wasm"))]
use crate::problem::Problems;

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invited<'a> {
    id: i64,
    email: &'a str,
    account_id: i64,
    roles: Vec<&'static str>,
    created_at: String,
}

/// Invite somebody to an account by e-mail
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "members_invite", path = "/api/accounts/{id}/users", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer again, for a day.")),
    request_body = crate::openapi::body::NewMember,
    responses((status = 201, description = "It is made.", body = Invited), Problems),
    security(("bearer" = []))
))]
pub async fn invite(call: Call, Path(id): Path<String>, request: Request) -> Response {
    let invited = async {
        let Authorized { caller, headers, body } = input::authorized(request).await?;
        let account_id = input::id(&id, Thing::Account)?;
        let mut fields = Fields::read(&body)?;
        let user = NewUser {
            email: fields.email("email"),
            first_name: fields.optional("firstName", NAME_MAX),
            last_name: fields.optional("lastName", NAME_MAX),
        };
        let roles = fields.required_roles("roles");
        fields.finish()?;
        let operation = format!("POST /api/accounts/{account_id}/users");
        let key = input::idempotency_key(&call, Some(&caller), &headers, &operation, &body, false)?;
        let transaction = Transaction::begin().await?;
        if let Some(answer) = answer::recall(key.as_ref(), &transaction)? {
            return Ok(answer);
        }
        let author = call.author_of(&caller, API);
        let user_id = sign_up::invite(&transaction, &author, &caller, account_id, &user, &roles).await?;
        let body = Invited {
            id: user_id,
            email: &user.email.address,
            account_id,
            roles: roles.iter().map(|role| role.name()).collect(),
            created_at: time(now()),
        };
        let answer = answer::created(&format!("/api/accounts/{account_id}/users/{user_id}"), &body)?;
        answer::keep(transaction, key.as_ref(), answer).await
    };
    answer::answer(&call, invited.await)
}

/// Add somebody known to an account
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "members_add", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("userId" = i64, Path, description = "The id of the user."), ("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer again, for a day.")),
    request_body = crate::openapi::body::MemberRoles,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn add(call: Call, Path((id, user_id)): Path<(String, String)>, request: Request) -> Response {
    let added = async {
        let Authorized { caller, headers, body } = input::authorized(request).await?;
        let (account_id, user_id) = ids(&id, &user_id)?;
        let mut fields = Fields::read(&body)?;
        let roles = fields.required_roles("roles");
        fields.finish()?;
        let operation = format!("POST /api/accounts/{account_id}/users/{user_id}");
        let key = input::idempotency_key(&call, Some(&caller), &headers, &operation, &body, false)?;
        let transaction = Transaction::begin().await?;
        if let Some(answer) = answer::recall(key.as_ref(), &transaction)? {
            return Ok(answer);
        }
        let author = call.author_of(&caller, API);
        sign_up::add_known(&transaction, &author, &caller, account_id, user_id, &roles).await?;
        answer::keep(transaction, key.as_ref(), answer::performed("User added to account")?).await
    };
    answer::answer(&call, added.await)
}

/// Change the roles and the status of a user of an account
///
/// Each if it is given.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(put, operation_id = "members_update", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("userId" = i64, Path, description = "The id of the user.")),
    request_body = crate::openapi::body::MemberChange,
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn update(call: Call, Path((id, user_id)): Path<(String, String)>, request: Request) -> Response {
    let updated = async {
        let Authorized { caller, body, .. } = input::authorized(request).await?;
        let (account_id, user_id) = ids(&id, &user_id)?;
        let mut fields = Fields::read(&body)?;
        let change = Change { roles: fields.roles("roles"), active: fields.either("status", "active", "inactive") };
        if change.roles.is_none() && change.active.is_none() {
            fields.refuse("roles", "roles or status is required");
        }
        fields.finish()?;
        let transaction = Transaction::begin().await?;
        let held = membership::roles(transaction.connection(), &caller, account_id)?;
        held.require_manage()?;
        let author = call.author_of(&caller, API);
        membership::update(&transaction, &author, &held, account_id, user_id, &change).await?;
        transaction.commit().await
    };
    done(&call, updated.await, "User roles updated")
}

/// Send an invitation again
#[cfg_attr(not(target_family = "wasm"), utoipa::path(put, operation_id = "members_invite_again", path = "/api/accounts/{id}/users/{userId}/invite", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("userId" = i64, Path, description = "The id of the user.")),
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn invite_again(call: Call, Path((id, user_id)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let invited = async {
        let caller = input::caller(&headers).await?;
        let (account_id, user_id) = ids(&id, &user_id)?;
        let transaction = Transaction::begin().await?;
        let author = call.author_of(&caller, API);
        sign_up::invite_again(&transaction, &author, &caller, account_id, user_id).await?;
        transaction.commit().await
    };
    done(&call, invited.await, "Invitation email resent")
}

/// Remove a user from an account
#[cfg_attr(not(target_family = "wasm"), utoipa::path(delete, operation_id = "members_remove", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("userId" = i64, Path, description = "The id of the user.")),
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn remove(call: Call, Path((id, user_id)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let removed = async {
        let caller = input::caller(&headers).await?;
        let (account_id, user_id) = ids(&id, &user_id)?;
        let transaction = Transaction::begin().await?;
        let held = membership::roles(transaction.connection(), &caller, account_id)?;
        held.require_manage()?;
        membership::remove(&transaction, &call.author_of(&caller, API), &held, account_id, user_id).await?;
        transaction.commit().await
    };
    done(&call, removed.await, "User removed from account")
}

/// The account and the user of a path. Whoever may not see the account learns nothing of its users, so that the account is
/// looked for even if there can be no such user: 0 is the id of none.
fn ids(account: &str, user: &str) -> Result<(i64, i64), Error> {
    Ok((input::id(account, Thing::Account)?, input::id(user, Thing::User).unwrap_or(0)))
}
