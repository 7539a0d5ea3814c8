//! What is to be done next about a request: sign in, choose an account, go back.
//!
//! A token through a connector reaches the connector's account and what that owns, and nothing else. So it is these among
//! which a person chooses. Accounts that the person has entered are taken without a question if there is only one. What others
//! have given is an offer, and the account of the connector may be one that the person sees from above: neither is taken
//! without the person's word, and to a request that lets nothing be asked they are nothing. Else whoever gives something, or
//! has a connector below, could learn who comes by.
//!
//! What a relying party is told of the person it is told because those who manage its account have made it a connector, and
//! with a token it does nothing that it may not do by itself. So nobody is asked about its scopes; the pages name them.

use std::time::Duration;

use super::{Answer, Code, Prompts, Request};
use crate::accounts::hierarchy::{BELONGS, LIVE};
use crate::error::Result;
use crate::sign_in::browser::Browser;
use crate::sign_in::credentials::{self, Chosen};
use crate::store::Connection;
use crate::store::climb::climb;
use crate::values::id::AccountId;
use crate::values::time::Time;

/// How long a sign-in answers a request that demanded one: the person may have to choose an account after it.
const FRESH: Duration = Duration::from_mins(10);

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The browser has just come with it.
    Arrived,
    /// The person has just given the password for it.
    SignedIn,
    /// The person looks for an account among those to choose from.
    Searching,
    /// The person has chosen an account for it, by a form of the browser's session.
    Chosen(AccountId),
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Ask for name and password. `name` is whom the relying party thinks the person to be.
    SignIn,
    /// Let the person choose. There may be nothing to choose from: then no account of the person is one that the relying party
    /// may reach, and all that is left is to sign in as somebody else, or to go back with [`Code::AccessDenied`].
    Choose(Choices),
    /// Issue a code for this account, see [`crate::sign_in::code::issue`].
    Issue(AccountId),
    /// Send the browser back.
    Return(Answer),
}

/// An account to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The account.
    pub account_id: AccountId,
    /// What it is called.
    pub name: String,
    /// What the account is called that owns it.
    pub owner_name: Option<String>,
}

/// What a person may choose from for a relying party.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The accounts that the person has entered, by name.
    pub entered: Vec<Choice>,
    /// The connector's own account, if the person has not entered it and looks into it from one above.
    pub seen: Option<Choice>,
    /// Those that others have given: the newest. To choose one enters it. Their names are the words of others.
    pub offered: Vec<Choice>,
}

/// Says what is to be done next about a request. `browser` is who is signed in in the browser that came with it.
pub fn next(connection: &Connection, request: &Request, browser: Option<&Browser>, stage: Stage) -> Result<Step> {
    let Prompts { nothing, password, account } = request.prompts;
    // Whoever answers at such an address may be another program. An ID token tells that the person has let this one in before.
    let is_to_be_let_in = stage == Stage::Arrived && !request.is_assured && request.hint.is_none();
    let account = account || is_to_be_let_in || stage == Stage::Searching;
    let refuse = |code, why| Ok(Step::Return(request.refuse(code, why)));
    let is_hinted = |browser: &&Browser| request.hint.as_ref().is_none_or(|hint| hint.subject == browser.person.uuid);
    let Some(browser) = browser.filter(is_hinted) else {
        return match stage {
            Stage::Arrived if !nothing => Ok(Step::SignIn),
            _ => refuse(Code::LoginRequired, "nobody is signed in, or somebody else"),
        };
    };
    let now = Time::now();
    let is_fresh = stage != Stage::Arrived && now < browser.authenticated_at + FRESH;
    let is_old = request.max_age.is_some_and(|max_age| browser.authenticated_at + max_age <= now);
    if (password || is_old) && !is_fresh {
        return if nothing { refuse(Code::LoginRequired, "the sign-in is too old") } else { Ok(Step::SignIn) };
    }
    if let Stage::Chosen(account_id) = stage {
        return Ok(Step::Issue(account_id));
    }
    let hinted = request.hint.as_ref().and_then(|hint| hint.account);
    let named = hinted.map(|account| account.to_string());
    let wanted = request.account.as_deref().or(named.as_deref());
    let mut choices = choices(connection, request, browser)?;
    if !account
        && let Some(wanted) = wanted
        && let Some(Chosen { account_id, is_new: false }) =
            credentials::choose(connection, &browser.person, wanted, Some(request.client.connector.account_id))?
        // An ID token of this account tells that the person has chosen it for this client before.
        && (hinted == Some(account_id) || choices.entered.iter().any(|entered| entered.account_id == account_id))
    {
        return Ok(Step::Issue(account_id));
    }
    if nothing {
        choices = Choices { entered: choices.entered, ..Choices::default() };
    }
    match (choices.entered.as_slice(), choices.offered.as_slice(), &choices.seen) {
        ([only], _, None) if !account && wanted.is_none() => Ok(Step::Issue(only.account_id)),
        // The portal's document: somebody with one account is not prompted. Whoever has just signed in to it knows where.
        ([], [only], None) if !account && stage == Stage::SignedIn && !has_entered(connection, browser)? => {
            Ok(Step::Issue(only.account_id))
        }
        ([], [], None) if nothing => {
            refuse(Code::AccessDenied, "the person has entered no account that the client may reach")
        }
        _ if nothing && is_to_be_let_in => refuse(Code::ConsentRequired, "the person has to let the client in"),
        _ if nothing => refuse(Code::AccountSelectionRequired, "the person has to choose an account"),
        _ => Ok(Step::Choose(choices)),
    }
}

/// How many accounts a person chooses from, and how many offers.
const ENTERED: i64 = 1000;
const OFFERED: usize = 20;

/// The accounts of the person that the relying party may reach: those that the person is a member of or asked into, and the
/// connector's own account for somebody who belongs to one above it that looks into it.
fn choices(connection: &Connection, request: &Request, browser: &Browser) -> Result<Choices> {
    let statement = format!(
        concat!(
            "SELECT a.id, a.name, o.name AS owner_name, m.person_id IS NULL AS seen, m.entered_at IS NOT NULL AS entered
               FROM (SELECT account_id FROM memberships WHERE person_id = ?1 AND status IN ('active', 'invited')
                     UNION SELECT ?2) AS candidate
               JOIN accounts a ON a.id = candidate.account_id
               LEFT JOIN accounts o ON o.id = a.owner_id
               LEFT JOIN memberships m ON m.account_id = a.id AND m.person_id = ?1 AND m.status IN ('active', 'invited')
              WHERE (m.person_id IS NOT NULL AND {LIVE} OR {BELONGS})
                AND EXISTS (WITH RECURSIVE ",
            climb!("a.id"),
            " SELECT 1 FROM chain WHERE chain.id = ?2)
              ORDER BY entered DESC, iif(entered, a.name_key, ''), iif(entered, a.id, -m.created_at) LIMIT ?3"
        ),
        LIVE = LIVE,
        BELONGS = BELONGS
    );
    let parameters = [browser.person.person_id.into(), request.client.connector.account_id.into(), ENTERED.into()];
    let mut choices = Choices::default();
    for mut row in connection.query(&statement, &parameters)? {
        let choice =
            Choice { account_id: row.take("id")?, name: row.take("name")?, owner_name: row.take("owner_name")? };
        if row.take("entered")? {
            choices.entered.push(choice);
        } else if row.take("seen")? {
            choices.seen = Some(choice);
        } else if choices.offered.len() < OFFERED {
            choices.offered.push(choice);
        }
    }
    Ok(choices)
}

/// Whether the person has entered any account, wherever.
fn has_entered(connection: &Connection, browser: &Browser) -> Result<bool> {
    let statement = format!(
        "SELECT 1 FROM memberships m JOIN accounts a ON a.id = m.account_id
          WHERE m.person_id = ? AND m.status = 'active' AND m.entered_at IS NOT NULL AND {LIVE} LIMIT 1"
    );
    Ok(connection.query_first(&statement, &[browser.person.person_id.into()])?.is_some())
}
