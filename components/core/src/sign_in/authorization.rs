//! Authorization requests (RFC 6749, section 4.1.1; OpenID Connect Core 1.0, section 3.1.2): what a relying party asks of a
//! browser, and which account the person may choose for it.
//!
//! A request is judged here ([`examine`]); what is to be done about it, step by step, says [`next`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::auth::caller::{CallingConnector, calling};
use crate::auth::id_token::{self, Hint};
use crate::auth::scope::{self, Scopes};
use crate::connectors::relying_party::{self, RelyingParty};
use crate::error::{Error, Result};
use crate::setting;
use crate::sign_in::browser::Browser;
use crate::store::Connection;
use crate::store::climb::live;

mod step;
#[cfg(test)]
pub(super) mod tests;

pub use step::{Choice, Choices, Stage, Step, next};

/// The parameters that are understood. Others are ignored (RFC 6749, section 3.1).
const KNOWN: [&str; 19] = [
    "account",
    "claims",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "display",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];

/// Longest `state`, `nonce` and hint that is taken, in bytes.
pub const TEXT_MAX: usize = 2048;

/// The parameters of a request, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<&'static str, String>,
    repeated: Vec<&'static str>,
}

impl Parameters {
    /// Takes names and values of a query or a form. One without a value is taken as left out (RFC 6749, section 3.1).
    pub fn of<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            let Some(known) = KNOWN.iter().find(|known| **known == name) else { continue };
            if value.is_empty() {
                continue;
            }
            if parameters.values.insert(known, value.into_owned()).is_some() {
                parameters.repeated.push(known);
            }
        }
        parameters
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All of them, for a form or an address that carries the request on.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// One that is there once. A value that came twice could mean two things.
    fn once(&self, name: &'static str) -> Option<&str> {
        self.get(name).filter(|_| !self.repeated.contains(&name))
    }
}

/// Why a request is not even answered at its redirect URI: nobody may be sent to an address that no relying party vouches
/// for (RFC 6749, section 4.1.2.1; RFC 9700, section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no active connector of the `client_id`, or none is named.
    UnknownClient,
    /// The redirect URI is not one of the connector's, or missing.
    ForeignRedirectUri,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Refusal {
    /// It may be shown to the person only.
    Shown(Fault),
    /// The relying party is told: the browser is sent there, see [`Returned::asks`].
    Returned(Returned),
    /// It could not be examined.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What is wrong with a request, and who is to be told.
#[derive(Debug)]
pub struct Returned {
    /// What the relying party is told.
    pub answer: Answer,
    /// What it is called.
    pub client_name: String,
    /// What is wrong, in words.
    pub description: String,
    is_silent: bool,
}

impl Returned {
    /// Whether the person has to let the browser go there. Anybody can lure somebody to a request that is wrong on purpose, and from here
    /// to an address that he has registered: so nobody leaves unasked before the sign-in, but where the relying party lets
    /// nothing be asked (RFC 9700, section 4.11.2). `browser` is who is signed in.
    pub fn asks(&self, browser: Option<&Browser>) -> bool {
        browser.is_none() && !self.is_silent
    }
}

/// What went wrong, as a relying party is told (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The person does not want to, or has no account that the relying party may reach.
    AccessDenied,
    /// The person would have to choose an account.
    AccountSelectionRequired,
    /// The person would have to let the relying party in.
    ConsentRequired,
    /// A parameter is missing, there twice, or not right.
    InvalidRequest,
    /// The scope lacks `openid`, or has one that the connector does not hold.
    InvalidScope,
    /// The person would have to sign in.
    LoginRequired,
    /// `request` is not supported.
    RequestNotSupported,
    /// `request_uri` is not supported.
    RequestUriNotSupported,
    /// Something went wrong in Accord.
    ServerError,
    /// The directory is busy.
    TemporarilyUnavailable,
    /// Only `code` is.
    UnsupportedResponseType,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

/// An answer at a redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    redirect_uri: String,
    in_fragment: bool,
    parameters: Vec<(&'static str, String)>,
}

impl Answer {
    /// Where to send the browser.
    pub fn location(&self) -> String {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        let encoded = encoded.extend_pairs(&self.parameters).finish();
        let mark = match (self.in_fragment, self.redirect_uri.contains('?')) {
            (true, _) => '#',
            (false, true) => '&',
            (false, false) => '?',
        };
        format!("{}{mark}{encoded}", self.redirect_uri)
    }
}

/// The relying party that asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connector.
    pub connector: CallingConnector,
    /// What it is called.
    pub name: String,
    /// What the account is called that it belongs to.
    pub account_name: String,
}

/// A request that may be granted.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes: an address that the relying party has registered.
    pub redirect_uri: String,
    /// What of the scopes that it asks for can be granted.
    pub scopes: Scopes,
    /// What the ID token repeats.
    pub nonce: Option<String>,
    /// What the code's verifier answers, by `S256`.
    pub code_challenge: Option<String>,
    /// Whom the relying party thinks the person to be: a name to sign in by.
    pub login_hint: Option<String>,
    /// Languages that the person understands, the best first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Whether the answer goes to the relying party and to nobody else: it has a secret to show, or an address of the web. Any
    /// program of a device can listen at a loopback address or for a scheme, and call itself by a public `client_id` (RFC 8252,
    /// section 8.6).
    is_assured: bool,
    issuer: String,
    state: Option<String>,
    in_fragment: bool,
    prompts: Prompts,
    max_age: Option<Duration>,
    hint: Option<Hint>,
    account: Option<String>,
}

/// What the request wants to have asked (`prompt`).
#[derive(Clone, Copy, Debug, Default)]
struct Prompts {
    nothing: bool,
    password: bool,
    account: bool,
}

impl Request {
    /// The answer that grants it, with a code (RFC 6749, section 4.1.2; RFC 9207).
    pub fn grant(&self, code: &str) -> Answer {
        self.answer(vec![("code", code.to_owned())])
    }

    /// The answer that refuses it.
    pub fn refuse(&self, code: Code, description: &str) -> Answer {
        self.answer(vec![("error", code.name().to_owned()), ("error_description", description.to_owned())])
    }

    fn answer(&self, mut parameters: Vec<(&'static str, String)>) -> Answer {
        parameters.extend(self.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", self.issuer.clone()));
        Answer { redirect_uri: self.redirect_uri.clone(), in_fragment: self.in_fragment, parameters }
    }
}

/// Examines a request against the connector that it names.
///
/// # Errors
///
/// [`Refusal`].
pub async fn examine(connection: &Connection, parameters: &Parameters) -> Result<Request, Refusal> {
    let (client, party) = client(connection, parameters.once("client_id"))?;
    let redirect_uri = parameters
        .once("redirect_uri")
        .filter(|given| party.redirect_uris.iter().any(|registered| relying_party::is_same(registered, given)));
    let redirect_uri = redirect_uri.ok_or(Refusal::Shown(Fault::ForeignRedirectUri))?;
    let mut request = Request {
        client,
        redirect_uri: redirect_uri.to_owned(),
        scopes: Scopes::default(),
        nonce: None,
        code_challenge: None,
        login_hint: None,
        ui_locales: Vec::new(),
        is_assured: !party.is_public || redirect_uri.starts_with("https:"),
        issuer: setting::get("public_url").await?,
        state: parameters.once("state").map(str::to_owned),
        in_fragment: parameters.once("response_mode") == Some("fragment"),
        prompts: Prompts::default(),
        max_age: None,
        hint: None,
        account: parameters.get("account").map(str::to_owned),
    };
    match fill(connection, parameters, &party, &mut request).await? {
        Ok(()) => Ok(request),
        Err((code, description)) => Err(Refusal::Returned(Returned {
            answer: request.refuse(code, &description),
            client_name: request.client.name,
            description: description.into_owned(),
            is_silent: words(parameters.get("prompt")).any(|word| word == "none"),
        })),
    }
}

fn client(connection: &Connection, client_id: Option<&str>) -> Result<(Client, RelyingParty), Refusal> {
    let statement = format!(
        concat!(
            "SELECT ",
            calling!(),
            ", c.name, a.name AS account_name, {}
               FROM connectors c JOIN accounts a ON a.id = c.account_id
              WHERE c.client_id = ? AND c.status <> 'inactive' AND ",
            live!("c.account_id")
        ),
        relying_party::COLUMNS
    );
    let row = connection.query_first(&statement, &[client_id.into()])?;
    let mut row = row.ok_or(Refusal::Shown(Fault::UnknownClient))?;
    let party = RelyingParty::from_row(&mut row)?;
    let connector = CallingConnector::from_row(&mut row)?;
    Ok((Client { connector, name: row.take("name")?, account_name: row.take("account_name")? }, party))
}

/// What is wrong with a parameter.
type Wrong = (Code, Cow<'static, str>);

/// Reads the parameters but for the two that say where the answer goes.
async fn fill(
    connection: &Connection,
    parameters: &Parameters,
    party: &RelyingParty,
    request: &mut Request,
) -> Result<Result<(), Wrong>> {
    if let Err(wrong) = read(parameters, party, request) {
        return Ok(Err(wrong));
    }
    let Some(token) = parameters.get("id_token_hint") else { return Ok(Ok(())) };
    let hint = id_token::read_hint(connection, token).await?;
    request.hint = hint.filter(|hint| hint.client_id == request.client.connector.client_id);
    if request.hint.is_none() {
        return Ok(invalid("id_token_hint is no ID token that this client got here"));
    }
    Ok(Ok(()))
}

fn invalid<T>(description: impl Into<Cow<'static, str>>) -> Result<T, Wrong> {
    Err((Code::InvalidRequest, description.into()))
}

fn read(parameters: &Parameters, party: &RelyingParty, request: &mut Request) -> Result<(), Wrong> {
    if let Some(name) = parameters.repeated.first() {
        return invalid(format!("{name} is there twice"));
    }
    if parameters.get("request").is_some() {
        return Err((Code::RequestNotSupported, "request objects are not supported".into()));
    }
    if parameters.get("request_uri").is_some() {
        return Err((Code::RequestUriNotSupported, "request objects are not supported".into()));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err((Code::UnsupportedResponseType, "the response_type must be code".into())),
        None => return invalid("response_type is missing"),
    }
    if !matches!(parameters.get("response_mode"), None | Some("query" | "fragment")) {
        return invalid("the response_mode must be query or fragment");
    }
    for name in ["state", "nonce", "login_hint", "account"] {
        if parameters.get(name).is_some_and(|value| value.len() > TEXT_MAX) {
            return invalid(format!("{name} must not have more than {TEXT_MAX} bytes"));
        }
    }
    request.scopes = scopes(parameters.get("scope"), &request.client.connector.scopes)?;
    request.nonce = parameters.get("nonce").map(str::to_owned);
    request.code_challenge = code_challenge(parameters, party)?;
    request.prompts = prompts(parameters.get("prompt"))?;
    request.max_age = match parameters.get("max_age").map(str::parse::<u32>) {
        Some(Err(_)) => return invalid("max_age must be a whole number of seconds"),
        Some(Ok(seconds)) => Some(Duration::from_secs(seconds.into())),
        None => None,
    };
    request.login_hint = parameters.get("login_hint").map(str::to_owned);
    request.ui_locales = words(parameters.get("ui_locales")).map(str::to_owned).collect();
    Ok(())
}

/// What is granted: what is the person's to tell, and of what the connector holds what people can do with a token. What nobody
/// knows is left out (OpenID Connect Core 1.0, section 3.1.2.1).
fn scopes(asked: Option<&str>, held: &Scopes) -> Result<Scopes, Wrong> {
    let asked: Vec<_> = words(asked).collect();
    if !asked.contains(&scope::OPENID) {
        return Err((Code::InvalidScope, "the scope must have openid in it".into()));
    }
    let not_held = |name: &&&str| scope::ALL.contains(*name) && !held.contains(name);
    if let Some(name) = asked.iter().find(not_held) {
        return Err((Code::InvalidScope, format!("the client does not hold the scope {name}").into()));
    }
    let of_people = |name: &str| scope::IDENTITY.contains(&name) || scope::OF_PEOPLE.contains(&name);
    let mut granted: Vec<&str> = asked.into_iter().filter(|name| of_people(name)).collect();
    granted.sort_unstable();
    granted.dedup();
    Ok(Scopes::trusted(granted.join(" ")))
}

/// The challenge (RFC 7636, section 4.3), by `S256` alone: `plain` protects nobody who can see the request. Without one a
/// confidential client that need not have one is protected by its nonce (RFC 9700, section 2.1.1).
fn code_challenge(parameters: &Parameters, party: &RelyingParty) -> Result<Option<String>, Wrong> {
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => {
            let is_base64url = challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if challenge.len() != 43 || !is_base64url {
                return invalid("code_challenge must be the SHA-256 of the verifier in base64url");
            }
            Ok(Some(challenge.to_owned()))
        }
        (Some(_), _) => invalid("the code_challenge_method must be S256"),
        (None, Some(_)) => invalid("code_challenge is missing"),
        (None, None) if party.requires_pkce || party.is_public => {
            invalid("PKCE is required: code_challenge is missing")
        }
        (None, None) if parameters.get("nonce").is_none() => invalid("nonce is missing, and so is code_challenge"),
        (None, None) => Ok(None),
    }
}

/// Reads `prompt`. There is no page that asks for consent alone: the choice of an account is one. What nobody knows is ignored.
fn prompts(prompt: Option<&str>) -> Result<Prompts, Wrong> {
    let mut prompts = Prompts::default();
    let mut count = 0;
    for word in words(prompt) {
        count += 1;
        match word {
            "none" => prompts.nothing = true,
            "login" => prompts.password = true,
            "select_account" | "consent" => prompts.account = true,
            _ => {}
        }
    }
    if prompts.nothing && count > 1 { invalid("prompt has none and something else") } else { Ok(prompts) }
}

/// The words of a parameter that is a list of them.
fn words(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default().split_ascii_whitespace()
}
