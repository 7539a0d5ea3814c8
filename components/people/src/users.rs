//! People, as those see them who see an account that they have entered; and a person as a whole: told, or taken away.

use accord_core::entry::erasure;
use accord_core::people::listing::{self, PEOPLE};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::PersonId;
use accord_resources::list::{self, Preference, Query};
use accord_resources::parameters::OfUser;
use accord_resources::{Done, Options, Problems, Target};
use accord_web::body::SmallJson;
use accord_web::described::ExternalId;
use accord_web::fields::Fields;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use axum::response::IntoResponse;
use http::{HeaderMap, Uri, header};
use serde_json::{Map, Value};

/// Who is meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct Called {
    /// What a connector calls the user.
    #[param(inline, rename = "externalId")]
    external_id: Option<ExternalId>,
}

/// List the users whom the caller may see
///
/// Those who have entered an account that the caller sees. `externalId` asks for those whom a connector calls so: the
/// connector that calls, or one of an account that the user who calls manages. `$search` looks in names and addresses.
#[utoipa::path(
    get, operation_id = "users_list", path = "/api/users", tag = "accounts",
    params(Called, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::UserPage), Problems),
    security(("bearer" = []))
)]
pub async fn list(Bearer(caller): Bearer, uri: Uri, headers: HeaderMap) -> Result<Json<Value>> {
    let options = Options::of(&PEOPLE, &[], &uri, &headers)?.keeping(&uri, "externalId")?;
    let external_id = options.own("externalId");
    let page = listing::list(&Connection::lease().await?, &caller, external_id, &options.listing)?;
    Ok(Json(options.render(page, "/api/users").await?))
}

/// Get a user
///
/// One who has entered an account that the caller sees, or the caller.
#[utoipa::path(
    get, operation_id = "users_get", path = "/api/users/{userId}", tag = "accounts",
    params(OfUser),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SelectedUser), Problems),
    security(("bearer" = []))
)]
pub async fn get(Bearer(caller): Bearer, Target(id): Target<PersonId>) -> Result<Json<Value>> {
    let person = listing::load(&Connection::lease().await?, &caller, id)?;
    Ok(Json(list::render(&PEOPLE.fields.iter().collect::<Vec<_>>(), person)))
}

/// Erase a user
///
/// For the user, by the password, and for owners of the operator account. Everything that is held of the user goes: addresses,
/// names, memberships, sessions, and values in the audit. What organisations say in records of their own stays. It is refused
/// while an account would be left without an owner.
#[utoipa::path(
    delete, operation_id = "users_erase", path = "/api/users/{userId}", tag = "accounts",
    params(OfUser),
    request_body = crate::openapi::body::Secret,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn erase(
    call: Call,
    Bearer(caller): Bearer,
    Target(id): Target<PersonId>,
    SmallJson(body): SmallJson,
) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let connection = Connection::lease().await?;
    let proof = match erasure::require(&connection, &caller, id)? {
        erasure::Asking::Person => Some(fields.required_raw("password")),
        erasure::Asking::Operator => None,
    };
    fields.finish()?;
    let hash = match proof {
        Some(password) => erasure::prove(&connection, id, &password, call.address).await?,
        None => None,
    };
    let edit = Edit::begin_on(connection, call.author(&caller)).await?;
    erasure::erase(&edit, &caller, id, hash.as_deref()).await?;
    edit.commit().await?;
    Ok(Done::answer("User erased"))
}

/// Get everything that is held of a user
///
/// For the user, and for owners of the operator account. Secrets and their hashes are not in it. Times are milliseconds
/// since 1970.
#[utoipa::path(
    get, operation_id = "users_export", path = "/api/users/{userId}/export", tag = "accounts",
    params(OfUser),
    responses((status = 200, description = "It is done.", body = Object), Problems),
    security(("bearer" = []))
)]
pub async fn export(Bearer(caller): Bearer, Target(id): Target<PersonId>) -> Result<impl IntoResponse> {
    let held = erasure::export(&Connection::lease().await?, &caller, id)?;
    let parts = held.parts.into_iter().map(|(name, rows)| (name.to_owned(), rows.into()));
    let whole: Map<_, _> = [("user".to_owned(), held.person)].into_iter().chain(parts).collect();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Value::Object(whole))))
}
