//! Sign-up, and links for a new password: what nobody has to be signed in for.

use accord_core::Error;
use accord_core::accounts::account::{NAME_MAX as ACCOUNT_NAME_MAX, NewAccount};
use accord_core::auth::limit::{self, Asked};
use accord_core::auth::secret;
use accord_core::entry::door;
use accord_core::entry::sign_up::{self, NAME_MAX, Newcomer};
use accord_core::error::{Conflict, Faults};
use accord_core::sign_in::password;
use accord_core::store::{Actor, Connection, Edit};
use accord_core::values::email::Email;
use accord_core::values::text;
use axum::response::Response;
use http::StatusCode;
use maud::html;

use crate::failure::Failure;
use crate::faults::{Told, told};
use crate::page::{Field, Page, note};
use crate::texts::T;
use crate::visit::{Fields, Posted, Visit};

/// The page to sign up at.
pub async fn show(visit: Visit) -> Response {
    ask(&visit, None, &Told::default())
}

fn ask(visit: &Visit, filled: Option<&Fields>, told: &Told) -> Response {
    let value = |name| filled.map_or("", |fields| fields.get(name));
    let form = html! {
        (Field { name: "account", label: T.account_name, kind: "text", autocomplete: "organization", value: value("account"),
                 hint: Some(T.account_name_hint), fault: told.of("account"), ..Field::default() })
        (Field { name: "first_name", label: T.first_name, kind: "text", autocomplete: "given-name",
                 value: value("first_name"), fault: told.of("first_name"), is_optional: true, ..Field::default() })
        (Field { name: "last_name", label: T.last_name, kind: "text", autocomplete: "family-name",
                 value: value("last_name"), fault: told.of("last_name"), is_optional: true, ..Field::default() })
        (Field { name: "email", label: T.email, kind: "email", autocomplete: "email", value: value("email"),
                 fault: told.of("email"), ..Field::default() })
        (Field { name: "password", label: T.password, kind: "password", autocomplete: "new-password",
                 hint: Some(T.password_hint), fault: told.of("password"), ..Field::default() })
        button.full type="submit" { (T.sign_up) }
    };
    let main = html! {
        p { (T.sign_up_text) }
        @if told.is_any() { (note("bad", T.form_refused)) }
        (visit.form("/sign-up", &form))
        p.more { (T.sign_up_known) " " a href="/sign-in" { (T.sign_in) } }
    };
    let page = Page::new(T.sign_up, main);
    visit.page(if told.is_any() { page.status(StatusCode::BAD_REQUEST) } else { page })
}

/// Makes a person and an account, and mails the link.
pub async fn sign_up(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    match make(&visit, &fields).await {
        Ok(()) => Ok(check_mail(&visit, T.signed_up_title, T.signed_up_text)),
        Err(error) => told(error).map(|told| ask(&visit, Some(&fields), &told)),
    }
}

async fn make(visit: &Visit, fields: &Fields) -> Result<(), Error> {
    let (newcomer, account, password) = read(fields)?;
    limit::count(&Connection::lease().await?, Asked::SignUp, visit.call.address).await?;
    let hash = secret::hash_password(&password)?;
    let edit = Edit::begin(visit.author(Actor::Anonymous)).await?;
    let made = sign_up::sign_up(&edit, &newcomer, &hash, &account).await?;
    // Whoever has the address is told.
    edit.commit().await?;
    made.map(drop).ok_or(Error::Conflict(Conflict::AddressTaken))
}

fn read(fields: &Fields) -> Result<(Newcomer, NewAccount, String), Error> {
    let mut faults = Faults::default();
    let mut clean = |name: &'static str, limit, is_required: bool| match fields.filled(name) {
        None if is_required => {
            faults.add(name, T.is_missing);
            None
        }
        None => None,
        Some(value) => match text::clean(value, limit) {
            Ok(clean) => Some(clean.into_owned()),
            Err(error) => {
                faults.add(name, error.to_string());
                None
            }
        },
    };
    let name = clean("account", ACCOUNT_NAME_MAX, true).unwrap_or_default();
    let (first_name, last_name) = (clean("first_name", NAME_MAX, false), clean("last_name", NAME_MAX, false));
    let email = Email::parse(fields.get("email")).unwrap_or_else(|fault| {
        faults.add("email", fault);
        Email { address: String::new(), key: String::new() }
    });
    let password = fields.get("password").to_owned();
    let own = [Some(&email.address), Some(&name), first_name.as_ref(), last_name.as_ref()];
    let own: Vec<_> = own.into_iter().flatten().map(String::as_str).collect();
    if let Some(fault) = password::fault(&password, &own) {
        faults.add("password", fault);
    }
    faults.into_result()?;
    let account = NewAccount { name, primary_contact: Some(email.address.clone()), ..NewAccount::default() };
    Ok((Newcomer { email, first_name, last_name }, account, password))
}

/// The page to ask for a new password at.
pub async fn show_forgot(visit: Visit) -> Response {
    ask_forgot(&visit, "", None)
}

fn ask_forgot(visit: &Visit, email: &str, fault: Option<&str>) -> Response {
    let form = html! {
        (Field { name: "email", label: T.email, kind: "email", autocomplete: "email", value: email, fault, ..Field::default() })
        button.full type="submit" { (T.send_link) }
    };
    let page = Page::new(T.forgot_title, html! { p { (T.forgot_text) } (visit.form("/forgot-password", &form)) });
    visit.page(if fault.is_some() { page.status(StatusCode::BAD_REQUEST) } else { page })
}

/// Mails links for a new password. What is shown is the same whosever the address is.
pub async fn forgot(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let email = match Email::parse(fields.get("email")) {
        Ok(email) => email,
        Err(fault) => return Ok(ask_forgot(&visit, fields.get("email"), Some(&fault))),
    };
    door::forgot(visit.author(Actor::Anonymous), &email, visit.call.address).await?;
    Ok(check_mail(&visit, T.forgot_sent_title, T.forgot_sent_text))
}

/// Tells somebody to look into the mailbox.
pub fn check_mail(visit: &Visit, title: &'static str, text: &'static str) -> Response {
    visit.page(Page::new(title, html! { p { (text) } p { a href="/" { (T.to_start) } } }))
}
