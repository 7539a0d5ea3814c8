//! What is read of an account: its invitations, what connectors call it, and what the endpoint API says of its people.

use accord_core::connectors::naming::{self, IDENTITIES};
use accord_core::entry::invitation;
use accord_core::people::record_listing::{self, RECORDS};
use accord_core::people::roster::{self, INVITATIONS};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::AccountId;
use accord_resources::list::{self, Preference, Query};
use accord_resources::parameters::{ById, OfMember, OfRecord};
use accord_resources::path::Record;
use accord_resources::{Done, Member, Options, Problems, Target};
use accord_web::{Bearer, Call, Result};
use axum::Json;
use http::{HeaderMap, Uri};
use serde_json::Value;

/// List the invitations to an account
///
/// Those that nobody has accepted, expired ones too. The caller has to manage the account.
#[utoipa::path(
    get, operation_id = "invitations_list", path = "/api/accounts/{id}/invitations", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::InvitationPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_invitations(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&INVITATIONS, &[], &uri, &headers)?;
    let page = roster::list_invitations(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/invitations")).await?))
}

/// Get an invitation to an account
#[utoipa::path(
    get, operation_id = "invitations_get", path = "/api/accounts/{id}/invitations/{userId}", tag = "accounts",
    params(OfMember),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SelectedInvitation), Problems),
    security(("bearer" = []))
)]
pub async fn get_invitation(Bearer(caller): Bearer, Member { account_id, person_id }: Member) -> Result<Json<Value>> {
    let invitation = roster::load_invitation(&Connection::lease().await?, &caller, account_id, person_id)?;
    Ok(Json(list::render(&INVITATIONS.fields.iter().collect::<Vec<_>>(), invitation)))
}

/// Take an invitation back
///
/// Its link works no more, and the roles that it offered are gone. The user can be invited again.
#[utoipa::path(
    delete, operation_id = "invitations_take_back", path = "/api/accounts/{id}/invitations/{userId}", tag = "accounts",
    params(OfMember),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn take_back(
    call: Call,
    Bearer(caller): Bearer,
    Member { account_id, person_id }: Member,
) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    invitation::take_back(&edit, &caller, account_id, person_id).await?;
    edit.commit().await?;
    Ok(Done::answer("Invitation taken back"))
}

/// List what connectors call an account
///
/// All of it for a user who manages the account; a connector sees what it calls the account itself. The id of a connector is
/// shown to whoever manages the account that the connector belongs to.
#[utoipa::path(
    get, operation_id = "identities_list", path = "/api/accounts/{id}/identities", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::IdentityPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_identities(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&IDENTITIES, &[], &uri, &headers)?;
    let page = naming::list(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/identities")).await?))
}

/// List the records of an account
///
/// What the endpoint API holds of its people, for a user who manages the account.
#[utoipa::path(
    get, operation_id = "records_list", path = "/api/accounts/{id}/records", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::RecordPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_records(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&RECORDS, &[], &uri, &headers)?;
    let page = record_listing::list(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/records")).await?))
}

/// Get a record of an account
#[utoipa::path(
    get, operation_id = "records_get", path = "/api/accounts/{id}/records/{recordId}", tag = "accounts",
    params(OfRecord),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SelectedRecord), Problems),
    security(("bearer" = []))
)]
pub async fn get_record(Bearer(caller): Bearer, Record { account_id, uuid }: Record) -> Result<Json<Value>> {
    let record = record_listing::load(&Connection::lease().await?, &caller, account_id, &uuid)?;
    Ok(Json(list::render(&RECORDS.fields.iter().collect::<Vec<_>>(), record)))
}
