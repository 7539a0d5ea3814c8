//! The part of the accounts API that reads: invitations, what connectors call an account and say of it, its records, and the audit.
//! Also what is done with an invitation, with the order of the sources, with accounts that are one, and with the directory as a whole.
//!
//! Spin tells components apart by paths alone. So what is read at a path at which something is written is with that, in
//! `accounts`: accounts themselves, and their members.

mod accounts;
mod audit;
mod duplicates;
mod openapi;
mod sources;
mod transfer;
mod undo;

use std::cell::Cell;
use std::time::Duration;

use accord_core::accounts::removals;
use accord_core::people::history;
use accord_core::store::Connection;
use accord_core::values::time::Time;
use accord_core::{Result, log};
use accord_resources::{failure, path};
use accord_web::{Api, Call, Failure};
use axum::response::Response;
use http::{StatusCode, header};

struct Directory;

impl Api for Directory {
    const NAME: &'static str = "accounts";
    const COMPONENT: &'static str = "directory";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    fn respelled(path: &str) -> Option<String> {
        path::without_key_predicate(path)
    }

    fn render(_: &Call, path: &str, failure: &Failure) -> Response {
        let mut response = failure::render(failure);
        if [transfer::EXPORT, transfer::IMPORT].contains(&path) && response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, transfer::CHALLENGE);
        }
        response
    }

    async fn answered(_: bool) {
        if let Err(error) = forget().await {
            log::warning(None, format_args!("what is kept no longer is there still: {error}"));
        }
    }
}

/// Between two looks for what is kept no longer: it is kept for days.
const PAUSE: Duration = Duration::from_mins(1);

thread_local! {
    static LOOKED_AT: Cell<Time> = const { Cell::new(Time::from_milliseconds(0)) };
}

/// Forgets what is kept no longer of the audit and of what was removed, a little at a time: nothing runs by itself here, so an instance
/// looks after an answer, and after the next one again if there was something.
async fn forget() -> Result<()> {
    let now = Time::now();
    if now < LOOKED_AT.get() + PAUSE {
        return Ok(());
    }
    let connection = Connection::lease().await?;
    let forgot = history::forget(&connection).await? | removals::forget(&connection).await?;
    if !forgot {
        LOOKED_AT.set(now);
    }
    Ok(())
}

accord_web::operations! { Directory,
    get "/api/accounts/{id}/invitations" => accounts::list_invitations,
    get "/api/accounts/{id}/invitations/{userId}" => accounts::get_invitation,
    delete "/api/accounts/{id}/invitations/{userId}" => accounts::take_back,
    get "/api/accounts/{id}/identities" => accounts::list_identities,
    get "/api/accounts/{id}/records" => accounts::list_records,
    get "/api/accounts/{id}/records/{recordId}" => accounts::get_record,
    get "/api/accounts/{id}/sources" => sources::list,
    get "/api/accounts/{id}/disagreements" => sources::list_disagreements,
    get "/api/accounts/{id}/names" => sources::list_names,
    get "/api/accounts/{id}/precedence" => sources::get_precedence,
    put "/api/accounts/{id}/precedence" => sources::set_precedence,
    get "/api/duplicates" => duplicates::list,
    post "/api/accounts/{id}/different" => duplicates::differ,
    post "/api/accounts/{id}/join" => duplicates::join,
    get "/api/accounts/{id}/joined" => duplicates::list_joined,
    post "/api/accounts/{id}/separate" => duplicates::separate,
    post "/api/undo/{requestId}" => undo::undo,
    get "/api/accounts/{id}/audit" => audit::list_of_account,
    get "/api/audit" => audit::list,
    get "/api/audit/{eventId}" => audit::get,
    get "/api/export" => transfer::export,
    get "/api/import" => transfer::progress,
    post "/api/import" => transfer::import,
}
