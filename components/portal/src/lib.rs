//! The portal API: connectors push accounts and users, and read nothing.
//!
//! Three operations, all `PATCH` with a JSON body, all answered by `200` and an empty body:
//!
//! | path | body |
//! |---|---|
//! | `/api/integrations/v1/accounts` | external account id → `{"name","id"}` or null |
//! | `/api/integrations/v1/accounts/{account_id}/users` | array of external user ids |
//! | `/api/integrations/v1/users` | external user id → `{"email"}` or null |
//!
//! A body is applied whole or not at all. No answer tells anything that another connector brought.

mod accounts;
mod entries;
mod failure;
mod openapi;
mod users;

use accord_core::auth::caller::CallingConnector;
use accord_core::auth::scope;
use accord_web::{Api, Bearer, Call, Failure, Result, body};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

/// Largest body, in bytes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

struct Portal;

impl Api for Portal {
    const NAME: &'static str = "portal";
    type Failure = Failure;

    /// The paths began with `/integrations/` before.
    fn respelled(path: &str) -> Option<String> {
        path.strip_prefix("/integrations/").map(|rest| format!("/api/integrations/{rest}"))
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Portal,
    patch "/api/integrations/v1/accounts" => accounts::put,
    patch "/api/integrations/v1/accounts/{account_id}/users" => users::bind,
    patch "/api/integrations/v1/users" => users::put,
}

/// The connector that calls, and its body, which is read as a part of the write: one that cannot be read is a failed write
/// of the connector.
struct Push {
    connector: CallingConnector,
    body: Unread,
}

struct Unread {
    headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Push {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let Bearer(caller) = Bearer::from_request_parts(&mut parts, state).await?;
        let connector = caller.into_connector()?;
        Ok(Self { connector, body: Unread { headers: parts.headers, body } })
    }
}

impl Unread {
    /// Reads the body, if the connector may send it.
    async fn read(self, connector: &CallingConnector) -> Result<Bytes> {
        connector.require(scope::PORTAL_WRITE)?;
        body::json(&self.headers, self.body, BODY_LIMIT).await
    }
}
