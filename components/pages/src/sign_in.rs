//! Signing in and out.

use accord_core::Error;
use accord_core::sign_in::browser;
use accord_core::store::Connection;
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};

use crate::authorize::{self, Carried};
use crate::failure::Failure;
use crate::page::{Field, Page, note};
use crate::texts::T;
use crate::visit::{Posted, Visit};

/// The page to sign in at.
pub async fn show(visit: Visit) -> Response {
    if visit.browser.is_some() { visit.redirect("/me") } else { ask(&visit, None, "", None) }
}

/// The form for name and password. `carried` is the request of a relying party that waits for it.
pub fn ask(visit: &Visit, carried: Option<&Carried>, name: &str, fault: Option<&str>) -> Response {
    let fields = html! {
        @if let Some(carried) = carried { (carried.field()) }
        (Field { name: "name", label: T.name_to_sign_in, kind: "text", autocomplete: "username", value: name,
                 hint: Some(T.name_hint), ..Field::default() })
        (Field { name: "password", label: T.password, kind: "password", autocomplete: "current-password", ..Field::default() })
        button.full type="submit" { (T.sign_in) }
    };
    let main: Markup = html! {
        @if let Some(carried) = carried { (carried.wish()) }
        @if let Some(fault) = fault { (note("bad", fault)) }
        (visit.form("/sign-in", &fields))
        p.more {
            a href="/forgot-password" { (T.forgot_link) } " · " a href="/sign-up" { (T.sign_up) }
        }
    };
    let page = Page::new(T.sign_in, main);
    let page = if fault.is_some() { page.status(StatusCode::BAD_REQUEST) } else { page };
    visit.page(match carried {
        Some(carried) => page.leading_to(carried.address()),
        None => page,
    })
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
        Err(Error::Unauthenticated(_)) => return Ok(ask(&visit, carried.as_ref(), name, Some(T.wrong_password))),
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
    Ok(signed_out(&visit, None))
}

/// What is shown to who has signed out. `back` is where one may go then: what it is called, and its address.
pub fn signed_out(visit: &Visit, back: Option<(&str, &String)>) -> Response {
    let main = html! {
        p { (T.signed_out_text) }
        p { a.button href="/sign-in" { (T.sign_in_again) } }
        @if let Some((name, location)) = back { p { a.button.plain href=(location) { (T.go_back_to) " " q { (name) } } } }
    };
    visit.page(Page::new(T.signed_out_title, main))
}
