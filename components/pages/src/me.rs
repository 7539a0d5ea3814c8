//! `/me`: what a person has here, and what nobody else may change. What would be dangerous in the hands of whoever finds an open
//! browser takes the password.

use accord_core::Error;
use accord_core::accounts::{members, username};
use accord_core::entry::door;
use accord_core::entry::sign_up::NAME_MAX;
use accord_core::people::address::{self as addresses};
use accord_core::people::person::{self, Names};
use accord_core::sign_in::browser::{self, Browser};
use accord_core::store::{Actor, Connection, Edit};
use accord_core::values::change::Change;
use accord_core::values::email::Email;
use accord_core::values::id::{AccountId, Id as _, PersonId};
use accord_core::values::text;
use accord_core::values::time::Time;
use accord_core::{Faults, error::Thing};
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};

use crate::entrance;
use crate::failure::Failure;
use crate::faults::{Told, told};
use crate::page::{Field, Page, note};
use crate::texts::T;
use crate::visit::{Fields, Posted, Visit};

/// What went wrong in which form of the page, and what was in it.
#[derive(Default)]
struct Refused<'a> {
    form: &'static str,
    told: Told,
    fields: Option<&'a Fields>,
}

impl Refused<'_> {
    fn of(&self, form: &str, name: &str) -> Option<&str> {
        if self.form == form { self.told.of(name) } else { None }
    }

    fn value<'a>(&'a self, form: &str, name: &str, kept: &'a str) -> &'a str {
        if self.form == form { self.fields.map_or(kept, |fields| fields.get(name)) } else { kept }
    }
}

/// The page of who is signed in.
pub async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let Some(browser) = &visit.browser else { return Ok(visit.redirect("/sign-in")) };
    let done = match query.as_deref() {
        Some("names") => Some(T.names_done),
        Some("email") => Some(T.email_done),
        Some("entered") => Some(T.entered_done),
        Some("left") => Some(T.left_done),
        Some("session") => Some(T.session_done),
        _ => None,
    };
    render(&visit, browser, done, &Refused::default()).await
}

async fn render(
    visit: &Visit,
    browser: &Browser,
    done: Option<&str>,
    refused: &Refused<'_>,
) -> Result<Response, Failure> {
    let connection = Connection::lease().await?;
    let main = html! {
        @if let Some(done) = done { (note("good", done)) }
        @if refused.told.is_any() { (note("bad", T.form_refused)) }
        (accounts(visit, browser, &connection)?)
        (names(visit, browser, &connection, refused)?)
        (mailboxes(visit, browser, &connection, refused)?)
        (password(visit, refused))
        (sessions(visit, browser, &connection)?)
    };
    let page = Page::new(T.my_account, main).wide();
    Ok(visit.page(if refused.told.is_any() { page.status(StatusCode::BAD_REQUEST) } else { page }))
}

fn accounts(visit: &Visit, browser: &Browser, connection: &Connection) -> Result<Markup, Failure> {
    let memberships = members::of_person(connection, browser.person.person_id)?;
    let (entered, offered): (Vec<_>, Vec<_>) = memberships.into_iter().partition(|one| one.entered_at.is_some());
    let what = |one: &members::Membership, name: &Markup| {
        let roles = one.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        html! {
            div.what {
                (name)
                small { (roles) @if let Some(owner) = &one.owner_name { " · " (T.owned_by) " " (owner) } }
            }
        }
    };
    Ok(html! {
        section {
            h2 { (T.accounts) }
            @if entered.is_empty() { p.soft { (T.accounts_none) } } @else {
                ul.rows {
                    @for one in &entered {
                        li {
                            (what(one, &html! { (one.account_name) }))
                            a.button.plain href={ "/me/accounts/" (one.account_id.number()) "/leave" }
                                aria-label={ (T.leave) " " (one.account_name) } { (T.leave) }
                        }
                    }
                }
            }
            @if !offered.is_empty() {
                h3 { (T.offers) }
                p.soft { (T.offers_text) }
                ul.rows {
                    @for one in &offered {
                        li {
                            (what(one, &html! { q { (one.account_name) } }))
                            (visit.form(&format!("/me/accounts/{}", one.account_id), &html! {
                                div.pair {
                                    button type="submit" name="answer" value="yes" aria-label={ (T.enter) " " (one.account_name) } { (T.enter) }
                                    button.plain type="submit" name="answer" value="no" aria-label={ (T.refuse) " " (one.account_name) } { (T.refuse) }
                                }
                            }))
                        }
                    }
                }
            }
        }
    })
}

fn names(visit: &Visit, browser: &Browser, connection: &Connection, refused: &Refused<'_>) -> Result<Markup, Failure> {
    let known = person::load(connection, browser.person.person_id)?;
    let field = |name, label, autocomplete, kept: &Option<String>| {
        let value = refused.value("names", name, kept.as_deref().unwrap_or_default());
        let fault = refused.of("names", name);
        html! { (Field { name, label, kind: "text", autocomplete, value, fault, is_optional: true, ..Field::default() }) }
    };
    Ok(html! {
        section {
            h2 { (T.names) }
            (visit.form("/me/names", &html! {
                (field("name", T.name, "name", &known.name))
                (field("first_name", T.first_name, "given-name", &known.first_name))
                (field("last_name", T.last_name, "family-name", &known.last_name))
                button type="submit" { (T.save) }
            }))
        }
    })
}

fn mailboxes(
    visit: &Visit,
    browser: &Browser,
    connection: &Connection,
    refused: &Refused<'_>,
) -> Result<Markup, Failure> {
    let id = browser.person.person_id;
    let proved = addresses::list(connection, id)?;
    let claimed = username::claimed(connection, id)?.filter(|_| proved.is_empty());
    Ok(html! {
        section {
            h2 { (T.addresses) }
            ul.rows {
                @for one in &proved {
                    li { div.what {
                        (one.email.address)
                        small {
                            @if let Some(retired_at) = one.retired_at { (T.retired_since) " " (day(retired_at)) }
                            @else { (T.confirmed_since) " " (day(one.proved_at)) }
                        }
                    } }
                }
                @if let Some(email) = &claimed { li { div.what { (email.address) small { (T.not_confirmed) } } } }
            }
            p.soft { (if claimed.is_some() { T.confirm_again_text } else { T.email_text }) }
            (visit.form("/me/email", &html! {
                (Field { name: "email", label: T.new_email, kind: "email", autocomplete: "email", form: "email-",
                         value: refused.value("email", "email", claimed.as_ref().map_or("", |email| &email.address)),
                         fault: refused.of("email", "email"), ..Field::default() })
                (Field { name: "password", label: T.password, kind: "password", autocomplete: "current-password", form: "email-",
                         fault: refused.of("email", "password"), ..Field::default() })
                button type="submit" { (T.send_link) }
            }))
        }
    })
}

fn password(visit: &Visit, refused: &Refused<'_>) -> Markup {
    html! {
        section {
            h2 { (T.password) }
            p.soft { (T.password_ends) }
            (visit.form("/me/password", &html! {
                (Field { name: "current", label: T.current_password, kind: "password", autocomplete: "current-password",
                         fault: refused.of("password", "current"), ..Field::default() })
                (Field { name: "password", label: T.new_password, kind: "password", autocomplete: "new-password",
                         hint: Some(T.password_hint), fault: refused.of("password", "password"), ..Field::default() })
                button type="submit" { (T.change_password) }
            }))
        }
    }
}

fn sessions(visit: &Visit, browser: &Browser, connection: &Connection) -> Result<Markup, Failure> {
    let shown = browser::list(connection, browser.person.person_id)?;
    Ok(html! {
        section {
            h2 { (T.sessions) }
            ul.rows {
                @for one in &shown {
                    li {
                        div.what {
                            @if one.id == browser.id { (T.this_browser) }
                            @else if one.is_browser { (T.a_browser) }
                            @else { (one.connector.as_deref().unwrap_or(T.a_program)) }
                            small {
                                @if let Some(account) = &one.account { (account) " · " }
                                (T.used_at) " " (moment(one.used_at))
                            }
                        }
                        (visit.form("/me/sessions", &html! {
                            (Field::hidden("session", &one.id))
                            button.plain type="submit" { (T.end) }
                        }))
                    }
                }
            }
            (visit.form("/me/sessions", &html! { button.plain type="submit" { (T.sign_out_everywhere) } }))
        }
    })
}

fn day(time: Time) -> String {
    time.rfc3339().chars().take(10).collect()
}

fn moment(time: Time) -> String {
    format!("{} UTC", time.rfc3339().chars().take(16).collect::<String>().replace('T', " "))
}

/// Who is signed in, or the way to the sign-in.
macro_rules! signed_in {
    ($visit:ident) => {{
        let Some(browser) = $visit.browser.clone() else { return Ok($visit.redirect("/sign-in")) };
        browser
    }};
}

/// What is shown after a change, or what was wrong with it.
async fn answer(
    visit: &Visit,
    browser: &Browser,
    changed: Result<(), Error>,
    done: &str,
    (form, fields): (&'static str, &Fields),
) -> Result<Response, Failure> {
    match changed {
        Ok(()) => Ok(visit.redirect(&format!("/me?{done}"))),
        Err(error) => render(visit, browser, None, &Refused { form, told: told(error)?, fields: Some(fields) }).await,
    }
}

/// Changes the names.
pub async fn rename(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let id = browser.person.person_id;
    let changed = async {
        let mut faults = Faults::default();
        let mut change = |name| match fields.filled(name).map(|value| text::clean(value, NAME_MAX)) {
            None => Change::Clear,
            Some(Ok(value)) => Change::Set(value.into_owned()),
            Some(Err(error)) => {
                faults.add(name, error.to_string());
                Change::Keep
            }
        };
        let names = Names { name: change("name"), first_name: change("first_name"), last_name: change("last_name") };
        faults.into_result()?;
        let edit = Edit::begin(visit.author(Actor::Person(id))).await?;
        person::rename(&edit, id, names).await?;
        edit.commit().await
    };
    let changed = changed.await;
    answer(&visit, &browser, changed, "names", ("names", &fields)).await
}

/// Mails a link to the next address.
pub async fn change_email(Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let id = browser.person.person_id;
    let changed = async {
        let email = Email::parse(fields.get("email")).map_err(|fault| Error::Invalid(Faults::of("email", fault)))?;
        let author = visit.author(Actor::Person(id));
        door::ask_to_change(author, id, &email, fields.get("password"), visit.call.address).await
    };
    let changed = changed.await;
    answer(&visit, &browser, changed, "email", ("email", &fields)).await
}

/// Changes the password, which ends every session.
pub async fn change_password(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let id = browser.person.person_id;
    let (current, password) = (fields.get("current"), fields.get("password"));
    let author = visit.author(Actor::Person(id));
    let changed = door::change_password(author, id, "current", current, password, visit.call.address).await;
    if changed.is_err() {
        return answer(&visit, &browser, changed, "", ("password", &fields)).await;
    }
    visit.signed_out();
    let main = html! { p { (T.password_changed_text) } p { a.button href="/sign-in" { (T.sign_in) } } };
    Ok(visit.page(Page::new(T.password_changed_title, main)))
}

/// Ends a session, or all of them.
pub async fn end_sessions(Posted(mut visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let id = browser.person.person_id;
    let edit = Edit::begin(visit.author(Actor::Person(id))).await?;
    let session = fields.get("session");
    if session.is_empty() {
        browser::end_all(&edit, id).await?;
    } else {
        browser::end_one(&edit, id, session).await?;
    }
    edit.commit().await?;
    if session.is_empty() || session == browser.id {
        visit.signed_out();
        return Ok(entrance::signed_out(&visit, None));
    }
    Ok(visit.redirect("/me?session"))
}

fn account(path: &str) -> Result<AccountId, Failure> {
    Ok(path.parse().map(AccountId::from_number).map_err(|_| Error::NotFound(Thing::Account))?)
}

/// Enters an account that is offered, or refuses it.
pub async fn decide(Path(path): Path<String>, Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let (id, account_id) = (browser.person.person_id, account(&path)?);
    let author = visit.author(Actor::Person(id));
    if fields.get("answer") == "yes" {
        door::enter(author, account_id, id).await?;
        return Ok(visit.redirect("/me?entered"));
    }
    door::refuse_offer(author, account_id, id).await?;
    Ok(visit.redirect("/me?left"))
}

/// The page that asks whether to leave an account.
pub async fn show_leave(visit: Visit, Path(path): Path<String>) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    ask_to_leave(&visit, browser.person.person_id, account(&path)?, &Told::default()).await
}

async fn ask_to_leave(visit: &Visit, id: PersonId, account_id: AccountId, told: &Told) -> Result<Response, Failure> {
    let memberships = members::of_person(&Connection::lease().await?, id)?;
    let is_entered = |one: &members::Membership| one.account_id == account_id && one.entered_at.is_some();
    let one = memberships.into_iter().find(is_entered).ok_or(Error::NotFound(Thing::Account))?;
    let form = html! {
        (Field { name: "password", label: T.password, kind: "password", autocomplete: "current-password",
                 fault: told.of("password"), ..Field::default() })
        button type="submit" { (T.leave) }
    };
    let main = html! {
        @if let Some(fault) = told.of("account") { (note("bad", fault)) }
        p { (T.leave_text) " " q { (one.account_name) } ". " (T.leave_lasts) }
        (visit.form(&format!("/me/accounts/{account_id}/leave"), &form))
        p.more { a href="/me" { (T.stay) } }
    };
    let page = Page::new(T.leave_title, main);
    Ok(visit.page(if told.is_any() { page.status(StatusCode::BAD_REQUEST) } else { page }))
}

/// Leaves an account, by the password.
pub async fn leave(Path(path): Path<String>, Posted(visit, fields): Posted) -> Result<Response, Failure> {
    let browser = signed_in!(visit);
    let (id, account_id) = (browser.person.person_id, account(&path)?);
    let author = visit.author(Actor::Person(id));
    match door::leave(author, account_id, id, fields.get("password"), visit.call.address).await {
        Ok(()) => Ok(visit.redirect("/me?left")),
        Err(error) => ask_to_leave(&visit, id, account_id, &told(error)?).await,
    }
}
