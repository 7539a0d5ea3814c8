//! Where the links of mails lead.
//!
//! The secret of a link stands behind the `#`: no server, no log and no `Referer` gets to see it. So each page first is a form
//! for the secret, which a script fills in, takes out of the address, and sends. Where there is no script, the reader copies it.
//! `GET` uses nothing up: what looks at links before they are read does no harm. Only then the page says what the link is for,
//! and asks.

use accord_core::Error;
use accord_core::entry::{door, invitation, recovery};
use accord_core::people::link::Purpose;
use accord_core::store::{Actor, Connection, Edit};
use axum::response::Response;
use http::{StatusCode, Uri};
use maud::{Markup, html};

use crate::failure::Failure;
use crate::faults::{Told, told};
use crate::page::{Field, Page, note};
use crate::sign_up::check_mail;
use crate::texts::T;
use crate::visit::{Fields, Posted, Visit};

/// Fills in the secret and sends the form. What was in the address before is no part of the history.
const SCRIPT: &str = r#"const t=new URLSearchParams(location.hash.slice(1)).get("token");if(t){history.replaceState(null,"",location.pathname);const f=document.querySelector("main form");f.token.value=t;f.submit()}"#;

/// Where a link leads to, before its secret is known.
pub async fn open(visit: Visit, uri: Uri) -> Response {
    let form = html! {
        (Field { name: "token", label: T.link_code, kind: "text", autocomplete: "off", hint: Some(T.link_code_hint),
                 ..Field::default() })
        button.full type="submit" { (T.go_on) }
    };
    let main = html! { p { (T.link_text) } (visit.form(uri.path(), &form)) };
    visit.page(Page::new(T.link_title, main).script(SCRIPT))
}

/// What is said of a link that does not work, or not any more.
fn dead(visit: &Visit) -> Response {
    let main = html! {
        p { (T.dead_link_text) }
        p { a href="/forgot-password" { (T.forgot_link) } " · " a href="/sign-in" { (T.sign_in) } }
    };
    visit.page(Page::new(T.dead_link_title, main).status(StatusCode::BAD_REQUEST))
}

/// A page that asks something of who has a link.
struct Question<'a> {
    title: &'static str,
    text: Markup,
    action: &'static str,
    /// The password that is asked for: its label, what a browser may fill in, what helps.
    password: Option<(&'static str, &'static str, Option<&'static str>)>,
    button: &'static str,
    /// Another answer: its value and its button.
    other: Option<(&'static str, &'static str)>,
    told: &'a Told,
}

impl Question<'_> {
    fn ask(self, visit: &Visit, token: &str) -> Response {
        let form = html! {
            (Field::hidden("token", token))
            @if let Some((label, autocomplete, hint)) = self.password {
                (Field { name: "password", label, kind: "password", autocomplete, hint, fault: self.told.of("password"),
                         ..Field::default() })
            }
            div.pair {
                button type="submit" name="answer" value="yes" { (self.button) }
                @if let Some((value, text)) = self.other {
                    button.plain type="submit" name="answer" value=(value) formnovalidate { (text) }
                }
            }
        };
        let main = html! {
            (self.text)
            @if let Some(fault) = self.told.of("email") { (note("bad", fault)) }
            (visit.form(self.action, &form))
        };
        let page = Page::new(self.title, main);
        visit.page(if self.told.is_any() { page.status(StatusCode::BAD_REQUEST) } else { page })
    }
}

/// Whether the form answers with this; at first it has the secret alone.
fn answers(fields: &Fields, answer: &str) -> bool {
    fields.get("answer") == answer
}

/// What went wrong with an answer: a link that is dead, or what is told beside the form.
fn refused(error: Error) -> Result<Option<Told>, Failure> {
    let told = told(error)?;
    Ok(if told.of("token").is_some() { None } else { Some(told) })
}

/// The page of an answer that was taken.
fn done(visit: &Visit, title: &'static str, text: &'static str) -> Response {
    let (href, label) = if visit.browser.is_some() { ("/me", T.my_account) } else { ("/sign-in", T.sign_in) };
    let main = html! { p { (text) } p { a.button href=(href) { (label) } } };
    visit.page(Page::new(title, main))
}

/// Confirms an address: that of a sign-up, or the next one of somebody. The link proves the mailbox and the password the person;
/// else somebody could confirm what somebody else has claimed.
pub async fn verify(uri: Uri, Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let (token, mut known) = (fields.get("token"), Told::default());
    if answers(&fields, "yes") {
        let author = |actor| visit.author(actor);
        match door::confirm(author, token, fields.get("password"), visit.call.address).await {
            Ok(()) => return Ok(done(&visit, T.verified_title, T.verified_text)),
            Err(error) => match refused(error)? {
                Some(told) => known = told,
                None => return Ok(dead(&visit)),
            },
        }
    }
    let Ok((purpose, link)) = recovery::to_confirm(&Connection::lease().await?, token) else { return Ok(dead(&visit)) };
    let is_first = purpose == Purpose::VerifyEmail;
    let action = if uri.path() == "/change-email" { "/change-email" } else { "/verify-email" };
    let question = Question {
        title: T.verify_title,
        text: html! {
            p { (if is_first { T.verify_text } else { T.change_text }) " " strong { (link.email.address) } "." }
            p.soft { (if is_first { T.verify_password_text } else { T.change_password_text }) }
        },
        action,
        password: Some((T.password, "current-password", None)),
        button: T.verify_button,
        other: None,
        told: &known,
    };
    Ok(question.ask(&visit, token))
}

/// Accepts or refuses an invitation. Somebody new sets a password, somebody known gives it.
pub async fn accept(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let (token, mut known) = (fields.get("token"), Told::default());
    let answered = if answers(&fields, "yes") {
        Some(enter(&visit, &fields, token).await.map(|()| (T.accepted_title, T.accepted_text)))
    } else if answers(&fields, "no") {
        Some(
            door::refuse(|actor| visit.author(actor), token)
                .await
                .map(|()| (T.refused_invitation_title, T.refused_invitation_text)),
        )
    } else {
        None
    };
    match answered {
        Some(Ok((title, text))) => return Ok(done(&visit, title, text)),
        Some(Err(error)) => match refused(error)? {
            Some(told) => known = told,
            None => return Ok(dead(&visit)),
        },
        None => {}
    }
    let connection = Connection::lease().await?;
    let Ok(invited) = invitation::look(&connection, token) else { return Ok(dead(&visit)) };
    let signed_in = visit.browser.as_ref().map(|browser| browser.person.person_id);
    let is_own = signed_in.is_some_and(|person_id| invitation::is_to(&connection, token, person_id).unwrap_or(false));
    let (explanation, password) = match (&signed_in, invited.is_known) {
        (Some(_), _) if is_own => (T.invitation_own_text, None),
        (Some(_), _) => (T.invitation_add_text, Some((T.password, "current-password", None))),
        (None, true) => (T.invitation_known_text, Some((T.password, "current-password", None))),
        (None, false) => (T.invitation_new_text, Some((T.new_password, "new-password", Some(T.password_hint)))),
    };
    let question = Question {
        title: T.invitation_title,
        text: html! {
            p { (T.invitation_text) " " q { (invited.account_name) } ". " (T.invitation_to) " " strong { (invited.email.address) } "." }
            p.soft { (T.invitation_words) }
            p { (explanation) }
        },
        action: "/accept-invitation",
        password,
        button: T.accept_button,
        other: Some(("no", T.refuse_button)),
        told: &known,
    };
    Ok(question.ask(&visit, token))
}

async fn enter(visit: &Visit, fields: &Fields, token: &str) -> Result<(), Error> {
    let (password, address) = (fields.get("password"), visit.call.address);
    match visit.browser.as_ref().map(|browser| browser.person.person_id) {
        Some(id) => door::accept_as(visit.author(Actor::Person(id)), token, id, Some(password), address).await,
        None => door::accept(|actor| visit.author(actor), token, password, address).await,
    }
}

/// Sets a new password.
pub async fn reset(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let (token, mut known) = (fields.get("token"), Told::default());
    if answers(&fields, "yes") {
        match door::reset(|actor| visit.author(actor), token, fields.get("password")).await {
            Ok(()) => {
                // Every session of the person has ended; one of somebody else goes on.
                visit.look_again().await?;
                return Ok(done(&visit, T.reset_done_title, T.reset_done_text));
            }
            Err(error) => match refused(error)? {
                Some(told) => known = told,
                None => return Ok(dead(&visit)),
            },
        }
    }
    let Ok(link) = recovery::to_reset(&Connection::lease().await?, token) else { return Ok(dead(&visit)) };
    let question = Question {
        title: T.reset_title,
        text: html! { p { (T.reset_text) " " strong { (link.email.address) } ". " (T.reset_ends) } },
        action: "/reset-password",
        password: Some((T.new_password, "new-password", Some(T.password_hint))),
        button: T.reset_button,
        other: None,
        told: &known,
    };
    Ok(question.ask(&visit, token))
}

/// Takes an address back that was changed.
pub async fn undo(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let token = fields.get("token");
    if answers(&fields, "yes") {
        let edit = Edit::begin(visit.author(Actor::Anonymous)).await?;
        match recovery::undo_email(&edit, token).await {
            Ok(()) => edit.commit().await?,
            Err(Error::Invalid(_)) => return Ok(dead(&visit)),
            Err(error) => return Err(error.into()),
        }
        visit.look_again().await?;
        return Ok(check_mail(&visit, T.undone_title, T.undone_text));
    }
    let Ok(email) = recovery::to_undo(&Connection::lease().await?, token) else { return Ok(dead(&visit)) };
    let question = Question {
        title: T.undo_title,
        text: html! { p { (T.undo_text) " " strong { (email.address) } "." } p { (T.undo_ends) } },
        action: "/undo-email",
        password: None,
        button: T.undo_button,
        other: None,
        told: &Told::default(),
    };
    Ok(question.ask(&visit, token))
}
