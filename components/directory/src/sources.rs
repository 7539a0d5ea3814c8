//! What the sources say of an account, where they disagree, and the order in which they count.

use accord_core::accounts::sources::Field;
use accord_core::accounts::sources::precedence::{self, Precedence, Ranked};
use accord_core::accounts::sources::readings::{self, DISAGREEMENTS, SOURCES};
use accord_core::people::names::{self, NAMES};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::{AccountId, ConnectorId};
use accord_resources::list::{Preference, Query};
use accord_resources::parameters::ById;
use accord_resources::{Options, Problems, Target, path};
use accord_web::body::SmallJson;
use accord_web::fields::Fields;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::Value;

use crate::openapi::body::RankedSources;

/// List what the sources say of an account
///
/// The name and the registration id, as people, the account above and each connector say them, in the order in which they count:
/// the first of each field is shown. For a user who manages the account.
#[utoipa::path(
    get, operation_id = "sources_list", path = "/api/accounts/{id}/sources", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::SourcePage), Problems),
    security(("bearer" = []))
)]
pub async fn list(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&SOURCES, &[], &uri, &headers)?;
    let page = readings::sources(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/sources")).await?))
}

/// List where sources disagree
///
/// Each word about an account that this account owns which is not what is shown, with the word that is shown and why that comes
/// first. For a user who manages this account.
#[utoipa::path(
    get, operation_id = "disagreements_list", path = "/api/accounts/{id}/disagreements", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::DisagreementPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_disagreements(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&DISAGREEMENTS, &[], &uri, &headers)?;
    let page = readings::disagreements(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/disagreements")).await?))
}

/// List what is said of the names of an account's users
///
/// As the users themselves, the account's people and its records say them, in the order in which they count: the first of each field is
/// shown, and `shown eq false` finds where they differ. For a user who manages the account.
#[utoipa::path(
    get, operation_id = "names_list", path = "/api/accounts/{id}/names", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::NamePage), Problems),
    security(("bearer" = []))
)]
pub async fn list_names(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&NAMES, &[], &uri, &headers)?;
    let page = names::list(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/names")).await?))
}

/// The order in which sources count about the accounts of an owner: `people`, `above`, and `connector:7` for the connector 7.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    #[schema(value_type = RankedSources)]
    name: Vec<String>,
    #[schema(value_type = RankedSources)]
    registration_id: Vec<String>,
}

impl Order {
    fn of(precedence: &Precedence) -> Self {
        let written = |field| precedence.get(&field).into_iter().flatten().map(|source| write(*source)).collect();
        Self { name: written(Field::Name), registration_id: written(Field::RegistrationId) }
    }
}

fn write(source: Ranked) -> String {
    source.connector().map_or_else(|| source.name().to_owned(), |id| format!("{}:{id}", source.name()))
}

fn read(source: &str) -> Option<Ranked> {
    match source {
        "people" => Some(Ranked::People),
        "above" => Some(Ranked::Above),
        other => other.strip_prefix("connector:").and_then(path::id::<ConnectorId>).map(Ranked::Connector),
    }
}

/// Get the order of the sources
///
/// Which sources come first about the accounts that this account owns. All others follow in the usual order: people, the account
/// above, and connectors in the order in which they were bound. For a user who manages this account.
#[utoipa::path(
    get, operation_id = "precedence_get", path = "/api/accounts/{id}/precedence", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Order), Problems),
    security(("bearer" = []))
)]
pub async fn get_precedence(Bearer(caller): Bearer, Target(account_id): Target<AccountId>) -> Result<Json<Order>> {
    Ok(Json(Order::of(&precedence::load(&Connection::lease().await?, &caller, account_id)?)))
}

/// Set the order of the sources
///
/// What follows from it is shown at once, of all accounts that this account owns. A field that is left out stays, an empty array is
/// the usual order.
#[utoipa::path(
    put, operation_id = "precedence_set", path = "/api/accounts/{id}/precedence", tag = "accounts",
    params(ById),
    request_body = crate::openapi::body::OrderChange,
    responses((status = 200, description = "It is done.", body = Order), Problems),
    security(("bearer" = []))
)]
pub async fn set_precedence(
    call: Call,
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    SmallJson(body): SmallJson,
) -> Result<Json<Order>> {
    let mut fields = Fields::read(&body)?;
    let mut wanted = Precedence::new();
    for field in Field::ALL {
        let Some(names) = fields.names(field.name()) else { continue };
        let sources: Option<Vec<_>> = names.iter().map(|name| read(name)).collect();
        match sources {
            Some(sources) => drop(wanted.insert(field, sources)),
            None => {
                fields.refuse(field.name(), "must be an array of people, above, and connector:7 for the connector 7");
            }
        }
    }
    fields.finish()?;
    let edit = Edit::begin_of(precedence::ACCOUNTS, call.author(&caller)).await?;
    let precedence = precedence::update(&edit, &caller, account_id, &wanted).await?;
    edit.commit().await?;
    Ok(Json(Order::of(&precedence)))
}
