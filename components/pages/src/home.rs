//! `/`: what this is, and where it goes on.

use axum::response::Response;
use maud::html;

use crate::page::Page;
use crate::site::site;
use crate::texts::T;
use crate::visit::Visit;

/// The first page.
pub async fn home(visit: Visit) -> Response {
    let main = html! {
        p { (T.home_text) }
        div.pair {
            @if visit.browser.is_some() {
                a.button href="/me" { (T.my_account) }
            } @else {
                a.button href="/sign-in" { (T.sign_in) }
                a.button.plain href="/sign-up" { (T.sign_up) }
            }
        }
        p.more {
            (T.home_developers) " "
            a href="/reference" { (T.reference) } ", " a href="/openapi.json" { (T.description) } "."
        }
    };
    visit.page(Page::new(site().name.clone(), main))
}
