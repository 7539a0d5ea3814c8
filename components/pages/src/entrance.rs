//! What stands at the entrance: the form to sign in by, to which several pages lead, and what is shown to who has signed out.

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};

use crate::carried::Carried;
use crate::page::{Field, Page, note};
use crate::texts::T;
use crate::visit::Visit;

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

/// What is shown to who has signed out. `back` is where one may go then: what it is called, and its address.
pub fn signed_out(visit: &Visit, back: Option<(&str, &String)>) -> Response {
    let main = html! {
        p { (T.signed_out_text) }
        p { a.button href="/sign-in" { (T.sign_in_again) } }
        @if let Some((name, location)) = back { p { a.button.plain href=(location) { (T.go_back_to) " " q { (name) } } } }
    };
    visit.page(Page::new(T.signed_out_title, main))
}
