//! Signing in and out.

use accord_core::Error;
use accord_core::sign_in::browser;
use accord_core::store::Connection;
use axum::response::Response;

use crate::carried::Carried;
use crate::failure::Failure;
use crate::texts::T;
use crate::visit::{Posted, Visit};
use crate::{authorize, entrance};

/// The page to sign in at.
pub async fn show(visit: Visit) -> Response {
    if visit.browser.is_some() { visit.redirect("/me") } else { entrance::ask(&visit, None, "", None) }
}

/// Signs in by name and password, and goes on to what waits for it.
pub async fn sign_in(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let carried = Carried::of(&fields).await?;
    let connection = Connection::lease().await?;
    let (name, address) = (fields.get("name"), visit.call.address);
    let begun = browser::begin(&connection, name, fields.get("password"), None, address, visit.browser.as_ref()).await;
    drop(connection);
    match begun {
        Ok((secret, browser)) => visit.signed_in(&secret, browser),
        Err(Error::Unauthenticated(_)) => {
            return Ok(entrance::ask(&visit, carried.as_ref(), name, Some(T.wrong_password)));
        }
        Err(error) => return Err(error.into()),
    }
    match carried {
        Some(carried) => authorize::signed_in(&visit, carried).await,
        None => Ok(visit.redirect("/me")),
    }
}

/// Signs out, in this browser.
pub async fn sign_out(Posted(mut visit, _): Posted) -> Result<Response, Failure> {
    if let Some(browser) = &visit.browser {
        browser::end(Connection::lease().await?, browser).await?;
    }
    visit.signed_out();
    Ok(entrance::signed_out(&visit, None))
}
