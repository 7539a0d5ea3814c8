//! Accounts that are likely one company: proposed, told apart, joined, and separated again.

use accord_core::accounts::duplicates::{self, DUPLICATES};
use accord_core::accounts::joins;
use accord_core::accounts::joins::readings::{self, JOINED};
use accord_core::error::{Error, Thing};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::AccountId;
use accord_resources::list::{Preference, Query};
use accord_resources::parameters::ById;
use accord_resources::{Done, Options, Problems, Target, path};
use accord_web::body::SmallJson;
use accord_web::described::Id;
use accord_web::fields::Fields;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use http::{HeaderMap, Uri};
use serde_json::Value;

/// Whose accounts are meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct OfOwner {
    /// The account that owns the others: the one that the caller signed in to, if left out.
    #[param(inline, rename = "accountId")]
    account_id: Option<Id>,
}

/// List accounts that are likely one
///
/// Pairs of accounts of one owner whose registration ids are the same number, without punctuation, spaces, leading zeros and letters in
/// front. The owner is `accountId`, or the account signed in to; the caller has to manage it.
#[utoipa::path(
    get, operation_id = "duplicates_list", path = "/api/duplicates", tag = "accounts",
    params(OfOwner, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::DuplicatePage), Problems),
    security(("bearer" = []))
)]
pub async fn list(Bearer(caller): Bearer, uri: Uri, headers: HeaderMap) -> Result<Json<Value>> {
    let options = Options::of(&DUPLICATES, &[], &uri, &headers)?.keeping(&uri, "accountId")?;
    let owner = match options.own("accountId") {
        Some(id) => path::id(id),
        None => caller.account_id(),
    };
    let owner = owner.ok_or(Error::NotFound(Thing::Account))?;
    let page = duplicates::list(&Connection::lease().await?, &caller, owner, &options.listing)?;
    Ok(Json(options.render(page, "/api/duplicates").await?))
}

/// Say that accounts are different
///
/// They are proposed as one no more, for good. The caller has to be an owner of the account above.
#[utoipa::path(
    post, operation_id = "duplicates_differ", path = "/api/accounts/{id}/different", tag = "accounts",
    params(ById),
    request_body = crate::openapi::body::Different,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn differ(call: Call, bearer: Bearer, account: Target<AccountId>, body: SmallJson) -> Result<Json<Done>> {
    decide(call, bearer, account, body, Verdict::Different).await
}

/// Join accounts into this one
///
/// One after the other, all or none. What was theirs is this one's, and their ids lead to it. The caller has to be an owner of the account
/// above.
#[utoipa::path(
    post, operation_id = "accounts_join", path = "/api/accounts/{id}/join", tag = "accounts",
    params(ById),
    request_body = crate::openapi::body::Different,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn join(call: Call, bearer: Bearer, account: Target<AccountId>, body: SmallJson) -> Result<Json<Done>> {
    decide(call, bearer, account, body, Verdict::Joined).await
}

/// Take accounts apart that were joined into this one
///
/// The one that was joined last comes first, all or none. What was theirs is theirs again, and what was made since stays. The caller has
/// to be an owner of the account above.
#[utoipa::path(
    post, operation_id = "accounts_separate", path = "/api/accounts/{id}/separate", tag = "accounts",
    params(ById),
    request_body = crate::openapi::body::Different,
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn separate(call: Call, bearer: Bearer, account: Target<AccountId>, body: SmallJson) -> Result<Json<Done>> {
    decide(call, bearer, account, body, Verdict::Separated).await
}

/// List what was joined into an account
///
/// As it was, the last one first: in this order they are taken apart. For a user who manages the account.
#[utoipa::path(
    get, operation_id = "joined_list", path = "/api/accounts/{id}/joined", tag = "accounts",
    params(ById, Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::JoinedPage), Problems),
    security(("bearer" = []))
)]
pub async fn list_joined(
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let options = Options::of(&JOINED, &[], &uri, &headers)?;
    let page = readings::list(&Connection::lease().await?, &caller, account_id, &options.listing)?;
    Ok(Json(options.render(page, &format!("/api/accounts/{account_id}/joined")).await?))
}

/// What is decided about an account and others.
#[derive(Clone, Copy)]
enum Verdict {
    Different,
    Joined,
    Separated,
}

/// Decides about an account and those that the body names.
async fn decide(
    call: Call,
    Bearer(caller): Bearer,
    Target(account_id): Target<AccountId>,
    SmallJson(body): SmallJson,
    verdict: Verdict,
) -> Result<Json<Done>> {
    let mut fields = Fields::read(&body)?;
    let others = fields.ids("accounts");
    fields.finish()?;
    let edit = Edit::begin_of(joins::ROWS, call.author(&caller)).await?;
    match verdict {
        Verdict::Different => duplicates::differ(&edit, &caller, account_id, &others).await?,
        Verdict::Joined => joins::join(&edit, &caller, account_id, &others).await?,
        Verdict::Separated => joins::separate(&edit, &caller, account_id, &others).await?,
    }
    edit.commit().await?;
    Ok(Done::answer(match verdict {
        Verdict::Different => "Accounts marked as different",
        Verdict::Joined => "Accounts joined",
        Verdict::Separated => "Accounts separated",
    }))
}
