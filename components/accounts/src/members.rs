//! The users of an account: invite, add, change roles, invite again, remove.

use accord_core::accounts::hierarchy;
use accord_core::accounts::members::{self, Called, Change};
use accord_core::entry::invitation;
use accord_core::entry::sign_up::{NAME_MAX, Newcomer};
use accord_core::people::roster::{self, MEMBERS};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::{AccountId, PersonId};
use accord_core::values::role::{self, Role};
use accord_core::values::time::Time;
use accord_resources::list::{self, Preference, Query};
use accord_resources::parameters::{ById, OfMember, Repeated};
use accord_resources::{Done, Member, Options, Problems, Target, written};
use accord_web::body::SmallJson;
use accord_web::described::{self, EmailAddress, Id, Timestamp};
use accord_web::fields::Fields;
use accord_web::idempotency::{Answer, Repeatable};
use accord_web::{Bearer, Call, Result};
use axum::Json;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::Value as JsonValue;

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited<'a> {
    #[schema(value_type = Id)]
    id: PersonId,
    #[schema(value_type = EmailAddress)]
    email: &'a str,
    #[schema(value_type = Id)]
    account_id: AccountId,
    #[schema(value_type = Vec<described::Role>)]
    roles: Vec<&'static str>,
    #[schema(value_type = Timestamp)]
    created_at: String,
}

/// List the users of an account
///
/// Those who have entered it. Whoever manages it asks for others by a filter of `status`: `status eq 'invited'`, `'inactive'`,
/// `'removed'`, `'refused'`, or `status ne null` for all. Of somebody who has not entered, the id is that of the invitation, and
/// the address that which the account has named. `doors` says how the roles came.
#[utoipa::path(
    get, operation_id = "members_list", path = "/api/accounts/{id}/users", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::MemberPage), Problems),
    security(("bearer" = []))
)]
pub async fn list(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<JsonValue>> {
    let options = Options::of(&MEMBERS, &[], &uri, &headers)?;
    let page = roster::list(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/users")).await?))
}

/// Get a user of an account
///
/// In any status for whoever manages the account.
#[utoipa::path(
    get, operation_id = "members_get", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(OfMember),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SelectedMember), Problems),
    security(("bearer" = []))
)]
pub async fn get(Bearer(caller): Bearer, Member { account_id, person_id }: Member) -> Result<Json<JsonValue>> {
    let member = roster::load(&Connection::lease().await?, &caller, account_id, person_id)?;
    Ok(Json(list::render(&MEMBERS.fields.iter().collect::<Vec<_>>(), member)))
}

/// Invite somebody to an account by e-mail
#[utoipa::path(
    post, operation_id = "members_invite", path = "/api/accounts/{id}/users", tag = "accounts",
    params(ById, Repeated),
    request_body = crate::openapi::body::NewMember,
    responses((status = 201, description = "It is made.", body = Invited), Problems),
    security(("bearer" = []))
)]
pub async fn invite(
    call: Call,
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    headers: HeaderMap,
    SmallJson(body): SmallJson,
) -> Result<Answer> {
    let mut fields = Fields::read(&body)?;
    let newcomer = Newcomer {
        email: fields.email("email"),
        first_name: fields.optional("firstName", NAME_MAX),
        last_name: fields.optional("lastName", NAME_MAX),
    };
    let roles = fields.required_roles("roles");
    fields.finish()?;
    let operation = format!("POST /api/accounts/{account_id}/users");
    let repeatable = Repeatable::of(&headers, Some(&caller), &operation, &body, false)?;
    let edit = Edit::begin(call.author(&caller)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    let person_id = invitation::invite(&edit, &caller, account_id, &newcomer, &roles).await?;
    let body = Invited {
        id: person_id,
        email: &newcomer.email.address,
        account_id,
        roles: role::names(&roles),
        created_at: written(Time::now()),
    };
    let answer = Answer::created(format!("/api/accounts/{account_id}/users/{person_id}"), &body)?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// Add somebody known to an account
#[utoipa::path(
    post, operation_id = "members_add", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(OfMember, Repeated),
    request_body = crate::openapi::body::MemberRoles,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn add(
    call: Call,
    Bearer(caller): Bearer,
    Member { account_id, person_id }: Member,
    headers: HeaderMap,
    SmallJson(body): SmallJson,
) -> Result<Answer> {
    let mut fields = Fields::read(&body)?;
    let roles = fields.required_roles("roles");
    fields.finish()?;
    let operation = format!("POST /api/accounts/{account_id}/users/{person_id}");
    let repeatable = Repeatable::of(&headers, Some(&caller), &operation, &body, false)?;
    let answer = Answer::ok(&Done::of("User added to account"))?;
    if repeatable.is_not() {
        invitation::add_known_alone(call.author(&caller), &caller, account_id, person_id, &roles).await?;
        return Ok(answer);
    }
    let edit = Edit::begin(call.author(&caller)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    invitation::add_known(&edit, &caller, account_id, person_id, &roles).await?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// Change the roles, the status and the names of a user of an account
///
/// Each if it is given. The names are what the account calls the user, who may go by others: those that the user has said are shown first.
/// Null takes one back.
#[utoipa::path(
    put, operation_id = "members_update", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(OfMember),
    request_body = crate::openapi::body::MemberChange,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn update(
    call: Call,
    Bearer(caller): Bearer,
    Member { account_id, person_id }: Member,
    SmallJson(body): SmallJson,
) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let change = Change { roles: fields.roles("roles"), active: fields.either("status", "active", "inactive") };
    let names =
        Called { first_name: fields.change("firstName", NAME_MAX), last_name: fields.change("lastName", NAME_MAX) };
    let decides = change.roles.is_some() || change.active.is_some();
    if !decides && names.is_keep() {
        fields.refuse("roles", "roles, status, firstName or lastName is required");
    }
    fields.finish()?;
    let edit = Edit::begin(call.author(&caller)).await?;
    let held = hierarchy::roles(edit.connection(), &caller, account_id)?;
    held.require(Role::Manage)?;
    if decides {
        members::update(&edit, &caller, &held, account_id, person_id, &change).await?;
    }
    if !names.is_keep() {
        members::name(&edit, &caller, &held, account_id, person_id, &names).await?;
    }
    edit.commit().await?;
    Ok(Done::answer("User roles updated"))
}

/// Send an invitation again
#[utoipa::path(
    put, operation_id = "members_invite_again", path = "/api/accounts/{id}/users/{userId}/invite", tag = "accounts",
    params(OfMember),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn invite_again(
    call: Call,
    Bearer(caller): Bearer,
    Member { account_id, person_id }: Member,
) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    invitation::invite_again(&edit, &caller, account_id, person_id).await?;
    edit.commit().await?;
    Ok(Done::answer("Invitation email resent"))
}

/// Remove a user from an account
#[utoipa::path(
    delete, operation_id = "members_remove", path = "/api/accounts/{id}/users/{userId}", tag = "accounts",
    params(OfMember),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn remove(
    call: Call,
    Bearer(caller): Bearer,
    Member { account_id, person_id }: Member,
) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    let held = hierarchy::roles(edit.connection(), &caller, account_id)?;
    held.require(Role::Manage)?;
    members::remove(&edit, &caller, &held, account_id, person_id).await?;
    edit.commit().await?;
    Ok(Done::answer("User removed from account"))
}
