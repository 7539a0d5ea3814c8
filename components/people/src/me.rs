//! The person who is signed in: what is known of it, and what nobody else may change.

use accord_core::accounts::{members, username};
use accord_core::entry::door;
use accord_core::entry::sign_up::NAME_MAX;
use accord_core::people::address;
use accord_core::people::person::{self, Names};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::{AccountId, PersonId};
use accord_core::values::role;
use accord_core::values::time::Time;
use accord_resources::parameters::ById;
use accord_resources::{Done, Problems, Target};
use accord_web::body::SmallJson;
use accord_web::described::{AccountName, EmailAddress, FirstName, FullName, Id, LastName, Role, Timestamp, Uuid};
use accord_web::fields::Fields;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use serde::Serialize;

use crate::entry::set_password;

/// A person, as the person sees it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    #[schema(value_type = Id)]
    id: PersonId,
    /// What tokens name the person by.
    #[schema(value_type = Uuid)]
    sub: String,
    /// The address that signs in: the newest that is verified, or the one that the sign-up named.
    #[schema(value_type = Option<EmailAddress>)]
    email: Option<String>,
    email_verified: bool,
    #[schema(value_type = Option<FullName>)]
    name: Option<String>,
    #[schema(value_type = Option<FirstName>)]
    first_name: Option<String>,
    #[schema(value_type = Option<LastName>)]
    last_name: Option<String>,
    /// Every address that the person has verified.
    addresses: Vec<Address>,
    /// The accounts that the person has entered.
    accounts: Vec<Membership>,
    /// The accounts that the person is asked into, the newest first. To sign in with one named enters it.
    offers: Vec<Membership>,
}

/// An address that the person has verified.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    #[schema(value_type = EmailAddress)]
    email: String,
    #[schema(value_type = Timestamp)]
    verified_at: String,
    /// Since when it signs in no more. It can be taken back for seven days.
    #[schema(value_type = Option<Timestamp>)]
    retired_at: Option<String>,
}

/// An account, and the roles there.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    #[schema(value_type = Id)]
    id: AccountId,
    #[schema(value_type = AccountName)]
    name: String,
    /// The name of the account that owns it.
    #[schema(value_type = Option<AccountName>)]
    owner: Option<String>,
    #[schema(value_type = Vec<Role>)]
    roles: Vec<&'static str>,
    #[schema(value_type = Option<Timestamp>)]
    entered_at: Option<String>,
    #[schema(value_type = Timestamp)]
    created_at: String,
}

/// Get the user who is signed in
#[utoipa::path(
    get, operation_id = "me_get", path = "/api/me", tag = "accounts",
    responses((status = 200, description = "The user.", body = Me), Problems),
    security(("bearer" = []))
)]
pub async fn get(Bearer(caller): Bearer) -> Result<Json<Me>> {
    let id = caller.require_person()?.id;
    let connection = Connection::lease().await?;
    let known = person::load(&connection, id)?;
    let addresses = address::list(&connection, id)?;
    let proved = addresses.iter().find(|address| address.retired_at.is_none()).map(|address| address.email.clone());
    let email_verified = proved.is_some();
    let email = match proved {
        None => username::claimed(&connection, id)?,
        proved => proved,
    };
    let memberships = members::of_person(&connection, id)?;
    let (entered, offered): (Vec<_>, Vec<_>) = memberships.into_iter().partition(|one| one.entered_at.is_some());
    Ok(Json(Me {
        id,
        sub: known.uuid,
        email: email.map(|email| email.address),
        email_verified,
        name: known.name,
        first_name: known.first_name,
        last_name: known.last_name,
        addresses: addresses.into_iter().map(Address::of).collect(),
        accounts: entered.into_iter().map(Membership::of).collect(),
        offers: offered.into_iter().map(Membership::of).collect(),
    }))
}

impl Address {
    fn of(proved: address::Proved) -> Self {
        Self {
            email: proved.email.address,
            verified_at: proved.proved_at.rfc3339(),
            retired_at: proved.retired_at.map(Time::rfc3339),
        }
    }
}

impl Membership {
    fn of(membership: members::Membership) -> Self {
        Self {
            id: membership.account_id,
            name: membership.account_name,
            owner: membership.owner_name,
            roles: role::names(&membership.roles),
            entered_at: membership.entered_at.map(Time::rfc3339),
            created_at: membership.created_at.rfc3339(),
        }
    }
}

/// Change the names of the user who is signed in
///
/// A field that is left out stays, null clears it.
#[utoipa::path(
    put, operation_id = "me_update", path = "/api/me", tag = "accounts",
    request_body = crate::openapi::body::Names,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn update(call: Call, Bearer(caller): Bearer, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let id = caller.require_person()?.id;
    let mut fields = Fields::read(&body)?;
    let names = Names {
        name: fields.change("name", NAME_MAX),
        first_name: fields.change("firstName", NAME_MAX),
        last_name: fields.change("lastName", NAME_MAX),
    };
    fields.finish()?;
    let edit = Edit::begin(call.author(&caller)).await?;
    person::rename(&edit, id, names).await?;
    edit.commit().await?;
    Ok(Done::answer("User updated"))
}

/// Sign in by another e-mail address
///
/// Takes the password. A link is mailed to the address, and the change counts once it is used. For the address that a sign-up
/// has named and not verified, the link to verify it is mailed again.
#[utoipa::path(
    post, operation_id = "me_change_email", path = "/api/me/email", tag = "accounts",
    request_body = crate::openapi::body::EmailChange,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn change_email(call: Call, Bearer(caller): Bearer, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    let id = caller.require_person()?.id;
    let mut fields = Fields::read(&body)?;
    let (email, password) = (fields.email("email"), fields.required_raw("password"));
    fields.finish()?;
    door::ask_to_change(call.author(&caller), id, &email, &password, call.address).await?;
    Ok(Done::answer("A mail with a link is on its way to the address"))
}

/// Change the password of the user who is signed in
///
/// Every session ends, this one too.
#[utoipa::path(
    post, operation_id = "me_change_password", path = "/api/me/password", tag = "accounts",
    request_body = crate::openapi::body::PasswordChange,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn change_password(call: Call, Bearer(caller): Bearer, SmallJson(body): SmallJson) -> Result<Json<Done>> {
    set_password(&call, &caller, &body).await
}

/// Let an account ask again that the user has left or refused
#[utoipa::path(
    put, operation_id = "me_welcome", path = "/api/me/accounts/{id}", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn welcome(call: Call, Bearer(caller): Bearer, Target(account_id): Target<AccountId>) -> Result<Json<Done>> {
    let id = caller.require_person()?.id;
    let edit = Edit::begin(call.author(&caller)).await?;
    members::welcome(&edit, account_id, id).await?;
    edit.commit().await?;
    Ok(Done::answer("The account may ask again"))
}

/// Leave an account, or refuse one that the user is asked into
///
/// It lasts until the user lets the account ask again: nobody else brings the user back.
#[utoipa::path(
    delete, operation_id = "me_leave", path = "/api/me/accounts/{id}", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn leave(call: Call, Bearer(caller): Bearer, Target(account_id): Target<AccountId>) -> Result<Json<Done>> {
    let id = caller.require_person()?.id;
    let edit = Edit::begin(call.author(&caller)).await?;
    members::leave(&edit, account_id, id).await?;
    edit.commit().await?;
    Ok(Done::answer("Account left"))
}
