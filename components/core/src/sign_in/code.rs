//! Authorization codes (RFC 6749, section 4.1.2): issued to a browser, and turned into a session by the relying party.
//!
//! A code is the first row of its family, and works once, for a minute. One that comes again was stolen, or the first use was by
//! a thief: its family ends, access tokens included (RFC 6749, section 10.5; RFC 9700, section 4.5). A request that is
//! refused for another reason uses nothing up.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::accounts::members;
use crate::auth::caller::CallingConnector;
use crate::auth::scope::Scopes;
use crate::auth::secret;
use crate::connectors::connector;
use crate::error::{Error, Result, Thing};
use crate::log;
use crate::setting;
use crate::sign_in::authorization::Request;
use crate::sign_in::browser::Browser;
use crate::sign_in::credentials::{self, SignedIn, WRONG};
use crate::sign_in::session::{self, Binding, Entry, Holder, Kind, Origin, Refreshed, digest};
use crate::store::{Author, Edit, Transaction};
use crate::values::id::{AccountId, ConnectorId, PersonId};
use crate::values::time::Time;

/// How long a code works (RFC 6749, section 4.1.2: at most ten minutes).
pub const LIFETIME: Duration = Duration::from_mins(1);

/// Issues a code for a request that [`crate::sign_in::authorization::next`] has come to the end of. An account that the person
/// has not entered yet is entered by that.
///
/// # Errors
///
/// [`Error::NotFound`] if it is no account that the person may sign in to through this connector, or not any more;
/// [`Error::Unauthenticated`] if the browser was signed out, the password changed, or the connector ended meanwhile.
pub async fn issue(author: Author, request: &Request, browser: &Browser, account_id: AccountId) -> Result<String> {
    let code = secret::generate()?;
    let connector = request.client.connector.clone();
    let edit = Edit::begin(author).await?;
    let within = Some(connector.account_id);
    let chosen = credentials::choose(edit.connection(), &browser.person, &account_id.to_string(), within)?;
    // What is no id that the person may choose might be the name of another account.
    let chosen = chosen.filter(|chosen| chosen.account_id == account_id).ok_or(Error::NotFound(Thing::Account))?;
    if chosen.is_new {
        members::enter(&edit, account_id, browser.person.person_id, None).await?;
    }
    let person = SignedIn { account_id: Some(account_id), ..browser.person.clone() };
    let binding = Binding {
        nonce: request.nonce.clone(),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
    };
    let entry = Entry {
        secret: &code,
        kind: Kind::Code(&binding),
        family: &Uuid::new_v4().to_string(),
        holder: &Holder::Person(person, Some(connector)),
        scopes: &request.scopes,
        lifetime: LIFETIME,
        origin: Origin { authenticated_at: Some(browser.authenticated_at), browser: Some(browser.id.clone()) },
    };
    let (statement, parameters) = entry.insertion();
    if edit.run(statement, &parameters)?.is_empty() {
        return Err(WRONG);
    }
    edit.commit().await?;
    Ok(code)
}

/// What a code gives.
#[derive(Debug)]
pub struct Redeemed {
    /// The session that begins.
    pub session: Refreshed,
    /// What the ID token repeats.
    pub nonce: Option<String>,
}

/// Turns a code into a session. The connector is authenticated, or public; `redirect_uri` is where it got the code, and
/// `verifier` answers the code's challenge (RFC 7636, section 4.6). The log names the request in which a code came again.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if the code is unknown, expired, another connector's, or of somebody who may not sign in any
/// more; if it was sent elsewhere; if the verifier is not right, missing, or there without a challenge (RFC 9700, section
/// 4.8.2); also if it was used before, which ends what came of it.
pub async fn redeem(
    code: &str,
    connector: &CallingConnector,
    redirect_uri: Option<&str>,
    verifier: Option<&str>,
    request_id: &str,
) -> Result<Redeemed> {
    let lifetime = setting::seconds("refresh_token_lifetime").await?;
    let access_lifetime = setting::seconds("access_token_lifetime").await?;
    let transaction = Transaction::begin().await?;
    let kept = find(&transaction, code)?.ok_or(WRONG)?;
    // Whoever shows another's code learns nothing and ends nothing.
    if kept.connector_id != connector.id {
        return Err(WRONG);
    }
    if kept.is_used {
        let family = &kept.family;
        log::warning(
            Some(request_id),
            format_args!("an authorization code came a second time; its family {family} ends"),
        );
        session::end(&transaction, family, access_lifetime)?;
        transaction.commit().await?;
        return Err(WRONG);
    }
    let now = Time::now();
    if kept.expires_at <= now || redirect_uri != Some(kept.binding.redirect_uri.as_str()) || !kept.is_answered(verifier)
    {
        return Err(WRONG);
    }
    let person =
        session::signed_in(&transaction, kept.person_id, Some(kept.account_id), Some(connector))?.ok_or(WRONG)?;
    let holder = Holder::Person(person, Some(connector.clone()));
    // What the connector lost meanwhile it does not get.
    let scopes = kept.scopes.common(&connector.scopes.with_identity());
    connector::token_issued(transaction.connection(), connector, now + access_lifetime).await?;
    // A used code is remembered as long as what came of it may last.
    transaction.run(
        "UPDATE refresh_tokens SET used_at = ?2, expires_at = ?3 WHERE digest = ?1",
        &[digest(code), now.into(), (now + lifetime).into()],
    )?;
    let refresh_token = secret::generate()?;
    let entry = Entry {
        secret: &refresh_token,
        kind: Kind::Refresh,
        family: &kept.family,
        holder: &holder,
        scopes: &scopes,
        lifetime,
        origin: kept.origin.clone(),
    };
    let (statement, parameters) = entry.insertion();
    if transaction.run(statement, &parameters)?.is_empty() {
        return Err(WRONG);
    }
    transaction.commit().await?;
    let session = Refreshed { refresh_token, family: kept.family, holder, scopes, origin: kept.origin };
    Ok(Redeemed { session, nonce: kept.binding.nonce })
}

/// A code as the store has it.
struct Kept {
    family: String,
    connector_id: ConnectorId,
    person_id: PersonId,
    account_id: AccountId,
    scopes: Scopes,
    expires_at: Time,
    is_used: bool,
    origin: Origin,
    binding: Binding,
}

fn find(transaction: &Transaction, code: &str) -> Result<Option<Kept>> {
    let row = transaction.run_first(
        "SELECT family, connector_id, person_id, account_id, scopes, expires_at, used_at IS NOT NULL AS used,
                authenticated_at, browser, nonce, redirect_uri, code_challenge
           FROM refresh_tokens WHERE digest = ? AND kind = 'code'",
        &[digest(code)],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    Ok(Some(Kept {
        family: row.take("family")?,
        connector_id: row.take("connector_id")?,
        person_id: row.take("person_id")?,
        account_id: row.take("account_id")?,
        scopes: Scopes::trusted(row.take("scopes")?),
        expires_at: row.take("expires_at")?,
        is_used: row.take("used")?,
        origin: Origin { authenticated_at: row.take("authenticated_at")?, browser: row.take("browser")? },
        binding: Binding {
            nonce: row.take("nonce")?,
            redirect_uri: row.take("redirect_uri")?,
            code_challenge: row.take("code_challenge")?,
        },
    }))
}

impl Kept {
    /// Whether the verifier is the one of the challenge (RFC 7636, section 4.6); without a challenge there is none.
    fn is_answered(&self, verifier: Option<&str>) -> bool {
        match (&self.binding.code_challenge, verifier) {
            (Some(challenge), Some(verifier)) => {
                let answer = URL_SAFE_NO_PAD.encode(secret::digest(verifier.as_bytes()));
                answer.as_bytes().ct_eq(challenge.as_bytes()).into()
            }
            (None, None) => true,
            _ => false,
        }
    }
}
