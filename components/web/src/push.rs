//! A connector's write: who calls is known first, and the body is read as a part of the write. One that cannot be read is a failed
//! write of the connector.

use accord_core::auth::caller::CallingConnector;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::HeaderMap;

use crate::{Bearer, Failure, Result, body};

/// The connector that calls, and what it sends.
pub struct Push {
    /// The connector.
    pub connector: CallingConnector,
    /// The query.
    pub query: String,
    /// The body.
    pub body: Unread,
}

/// A body that nobody has read yet.
pub struct Unread {
    headers: HeaderMap,
    body: Body,
}

impl Unread {
    /// See [`body::json`].
    pub async fn json(self, limit: usize) -> Result<Bytes> {
        body::json(&self.headers, self.body, limit).await
    }

    /// See [`body::undeclared_json`].
    pub async fn undeclared_json(self, limit: usize) -> Result<Bytes> {
        body::undeclared_json(&self.headers, self.body, limit).await
    }
}

impl<S: Sync> FromRequest<S> for Push {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let Bearer(caller) = Bearer::from_request_parts(&mut parts, state).await?;
        let connector = caller.into_connector()?;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self { connector, query, body: Unread { headers: parts.headers, body } })
    }
}
