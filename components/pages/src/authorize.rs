//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core 1.0, section 3.1.2): a relying party sends somebody
//! here, who signs in, chooses an account, and is sent back with a code. And the end of that, where a relying party wants
//! somebody to sign out (OpenID Connect RP-Initiated Logout 1.0).

use accord_core::Error;
use accord_core::error::Unauthenticated;
use accord_core::sign_in::authorization::{self, Choice, Choices, Code, Returned, Stage, Step};
use accord_core::sign_in::{browser, code, logout};
use accord_core::store::{Actor, Connection};
use accord_core::values::id::{AccountId, Id as _};
use accord_web::body;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::response::Response;
use form_urlencoded::Serializer;
use http::{HeaderMap, StatusCode, Uri};
use maud::{Markup, html};

use crate::carried::Carried;
use crate::failure::Failure;
use crate::page::{Field, Page, redirect};
use crate::texts::T;
use crate::visit::{Posted, Visit};
use crate::{entrance, openapi};

/// From how many accounts on there is a search.
const SEARCHED: usize = 10;

/// Largest request that comes as a form, in bytes.
const FORM_LIMIT: usize = 16 * 1024;

/// Sign in, for a relying party
///
/// For a browser, not for programs: the person signs in and chooses an account, and the browser is sent back with a `code` (RFC
/// 6749, section 4.1.1; OpenID Connect Core 1.0, section 3.1.2).
#[utoipa::path(
    get,
    operation_id = "oauth_authorize",
    path = "/oauth/authorize",
    tag = "oauth",
    params(openapi::Authorization),
    responses(openapi::Shown, openapi::Faults)
)]
pub async fn authorize(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    match Carried::examine(&query.unwrap_or_default()).await {
        Ok(carried) => proceed(&visit, carried, Stage::Arrived, "").await,
        Err(Failure::Returned(wrong)) if wrong.asks(visit.browser.as_ref()) => Ok(unreturned(&visit, &wrong)),
        Err(failure) => Err(failure),
    }
}

/// What is shown of a request that is wrong to somebody who is not signed in, and may go back.
fn unreturned(visit: &Visit, wrong: &Returned) -> Response {
    let main = html! {
        p { (T.wrong_request) " " q { (wrong.client_name) } ": " (wrong.description) "." }
        p { a.button.plain href=(wrong.answer.location()) { (T.go_back_to) " " q { (wrong.client_name) } } }
    };
    visit.page(Page::new(T.authorization_title, main).status(StatusCode::BAD_REQUEST))
}

/// Sign in, for a relying party, by a form
///
/// The request comes again by `GET`.
#[utoipa::path(
    post,
    operation_id = "oauth_authorize_by_form",
    path = "/oauth/authorize",
    tag = "oauth",
    request_body(content = openapi::Authorization, content_type = "application/x-www-form-urlencoded"),
    responses(openapi::Resent, openapi::Faults)
)]
pub async fn resend(uri: Uri, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    // A browser leaves its cookies out of another site's form.
    let form = body::form(&headers, body, FORM_LIMIT).await?;
    let query = Serializer::new(String::new()).extend_pairs(form_urlencoded::parse(&form)).finish();
    Ok(redirect(&format!("{}?{query}", uri.path())))
}

/// The person has just signed in for a request.
pub async fn signed_in(visit: &Visit, carried: Carried) -> Result<Response, Failure> {
    proceed(visit, carried, Stage::SignedIn, "").await
}

/// The person has chosen an account, looks for one, or does not want to.
pub async fn choose(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let carried = Carried::of(&fields).await?.ok_or(accord_web::Failure::UnknownPath)?;
    if fields.get("answer") == "no" {
        let refused = carried.request.refuse(Code::AccessDenied, "the person does not want to");
        return Ok(visit.redirect(&refused.location()));
    }
    let stage = match fields.get("account").parse() {
        Ok(number) => Stage::Chosen(AccountId::from_number(number)),
        Err(_) => Stage::Searching,
    };
    proceed(&visit, carried, stage, fields.get("search")).await
}

async fn proceed(visit: &Visit, carried: Carried, stage: Stage, search: &str) -> Result<Response, Failure> {
    let browser = visit.browser.as_ref();
    let connection = Connection::lease().await?;
    let step = authorization::next(&connection, &carried.request, browser, stage)?;
    let again = |carried: &Carried| {
        let name = carried.request.login_hint.as_deref().unwrap_or_default();
        Ok(entrance::ask(visit, Some(carried), name, None))
    };
    match (step, browser) {
        (Step::Return(answer), _) => Ok(visit.redirect(&answer.location())),
        (Step::Choose(choices), Some(browser)) => {
            let address = browser.address(&connection)?;
            Ok(choice(visit, address.as_deref(), &carried, &choices, search))
        }
        (Step::Issue(account_id), Some(browser)) => {
            drop(connection);
            let author = visit.author(Actor::Person(browser.person.person_id));
            match code::issue(author, &carried.request, browser, account_id).await {
                Ok(code) => Ok(visit.redirect(&carried.request.grant(&code).location())),
                // The password has changed meanwhile, or the browser was signed out elsewhere.
                Err(Error::Unauthenticated(Unauthenticated::InvalidCredentials)) => again(&carried),
                Err(error) => Err(error.into()),
            }
        }
        (Step::SignIn, _) | (_, None) => again(&carried),
    }
}

/// The page on which a person chooses an account.
fn choice(visit: &Visit, address: Option<&str>, carried: &Carried, choices: &Choices, search: &str) -> Response {
    let wanted = search.trim().to_lowercase();
    let found = |choice: &&Choice| wanted.is_empty() || choice.name.to_lowercase().contains(&wanted);
    let entered: Vec<_> = choices.entered.iter().chain(&choices.seen).filter(found).collect();
    let offered: Vec<_> = choices.offered.iter().filter(found).collect();
    let count = choices.entered.len() + choices.offered.len() + usize::from(choices.seen.is_some());
    let (is_long, nothing) = (count >= SEARCHED, count == 0);
    let again = format!("/oauth/authorize?{}", another(&carried.query()));
    let main = html! {
        (carried.wish())
        @if nothing { p { (T.choose_nothing) } }
        @if is_long {
            (visit.form("/choose-account", &html! {
                (carried.field())
                (Field { name: "search", label: T.search, kind: "search", autocomplete: "off", value: search,
                         is_optional: true, ..Field::default() })
                button.plain type="submit" { (T.search_button) }
            }))
            @if entered.is_empty() && offered.is_empty() { p role="status" { (T.search_nothing) } }
        }
        @if !entered.is_empty() {
            (visit.form("/choose-account", &html! {
                (carried.field())
                @for choice in &entered { (button(choice, &html! { (choice.name) })) }
            }))
        }
        @if !offered.is_empty() {
            h2 { (T.offers) }
            p.soft { (T.offers_text) }
            (visit.form("/choose-account", &html! {
                (carried.field())
                @for choice in &offered { (button(choice, &html! { q { (choice.name) } })) }
            }))
        }
        div.more {
            p { @if let Some(address) = address { (T.choose_as) " " strong { (address) } ". " } a href=(again) { (T.choose_other_person) } }
            (visit.form("/choose-account", &html! {
                (carried.field())
                button.link type="submit" name="answer" value="no" { (T.choose_back) }
            }))
        }
    };
    let title = if nothing { T.choose_nothing_title } else { T.choose_title };
    visit.page(Page::new(title, main).leading_to(carried.address()))
}

fn button(choice: &Choice, name: &Markup) -> Markup {
    html! {
        button.choice type="submit" name="account" value=(choice.account_id.number()) {
            (name)
            @if let Some(owner) = &choice.owner_name { small { (T.owned_by) " " (owner) } }
        }
    }
}

/// The request, so that it asks who is there in any case.
fn another(query: &str) -> String {
    let kept =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !matches!(name.as_ref(), "prompt" | "login_hint"));
    Serializer::new(String::new()).extend_pairs(kept).append_pair("prompt", "login").finish()
}

/// What a relying party says that wants somebody to sign out.
fn logout_parameters(query: &str) -> logout::Parameters {
    let mut parameters = logout::Parameters::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
        let field = match name.as_ref() {
            "id_token_hint" => &mut parameters.id_token_hint,
            "client_id" => &mut parameters.client_id,
            "post_logout_redirect_uri" => &mut parameters.post_logout_redirect_uri,
            "state" => &mut parameters.state,
            _ => continue,
        };
        *field = Some(value.into_owned());
    }
    parameters
}

/// Sign out, for a relying party
///
/// For a browser, not for programs (OpenID Connect RP-Initiated Logout 1.0). Who shows the ID token of this very session has it at
/// once, anybody else's link asks first.
#[utoipa::path(
    get,
    operation_id = "oauth_log_out",
    path = "/oauth/logout",
    tag = "oauth",
    params(openapi::Logout),
    responses(openapi::Shown, openapi::Faults)
)]
pub async fn log_out(mut visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let wanted = examine_logout(&query).await?;
    let asks = visit.browser.as_ref().is_some_and(|browser| !wanted.is_proved_for(browser));
    if !asks {
        return leave(&mut visit, &wanted).await;
    }
    let main = html! {
        p { @if let Some(name) = &wanted.client_name { (T.logout_client_text) " " q { (name) } ". " } (T.logout_text) }
        (visit.form("/oauth/logout/confirm", &html! {
            (Field::hidden("logout", &query))
            button type="submit" { (T.sign_out) }
        }))
        p.more { a href="/me" { (T.stay) } }
    };
    let page = Page::new(T.logout_title, main);
    Ok(visit.page(match &wanted.location {
        Some(location) => page.leading_to(location),
        None => page,
    }))
}

/// Sign out, for a relying party, by a form
///
/// The request comes again by `GET`.
#[utoipa::path(
    post,
    operation_id = "oauth_log_out_by_form",
    path = "/oauth/logout",
    tag = "oauth",
    request_body(content = openapi::Logout, content_type = "application/x-www-form-urlencoded"),
    responses(openapi::Resent, openapi::Faults)
)]
pub async fn resend_log_out(uri: Uri, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    resend(uri, headers, body).await
}

/// The person wants to sign out, too.
pub async fn confirm_log_out(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let wanted = examine_logout(fields.get("logout")).await?;
    leave(&mut visit, &wanted).await
}

async fn examine_logout(query: &str) -> Result<logout::Logout, Failure> {
    let wanted = logout::examine(&Connection::lease().await?, &logout_parameters(query)).await?;
    wanted.ok_or(Failure::ForeignLogout)
}

async fn leave(visit: &mut Visit, wanted: &logout::Logout) -> Result<Response, Failure> {
    // A stranger's link leads somebody who is not signed in here, and from here to an address that the stranger has registered: that
    // one goes on by a link, or not (RFC 9700, section 4.11.2).
    let leads_on = visit.browser.is_some();
    if let Some(browser) = &visit.browser {
        browser::end(Connection::lease().await?, browser).await?;
    }
    visit.signed_out();
    Ok(match &wanted.location {
        Some(location) if leads_on => visit.redirect(location),
        Some(location) => entrance::signed_out(visit, wanted.client_name.as_deref().zip(Some(location))),
        None => entrance::signed_out(visit, None),
    })
}
