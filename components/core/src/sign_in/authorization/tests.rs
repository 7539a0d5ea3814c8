//! What of a request may be shown only, what goes back, and what a person is asked.

use super::*;
use crate::accounts::members::{self, Door, Grant, Status};
use crate::auth::caller::Caller;
use crate::connectors::connector::{self, NewConnector};
use crate::entry::first_start::tests::{Operator, account, author, first_start};
use crate::sign_in::browser::Browser;
use crate::sign_in::browser::tests::{administrator, configure};
use crate::sign_in::code;
use crate::sign_in::session;
use crate::store::native::run;
use crate::store::{Actor, Author, Edit};
use crate::values::id::AccountId;
use crate::values::role::Role;

const CALLBACK: &str = "https://app.example/callback";
const VERIFIER: &str = "a-verifier-of-the-tests-which-has-at-least-43-characters";
const CHALLENGE: &str = "3TZHPPrgmD2dhkJBLL2Qri05nlcqWSVxtYO6HvDVHbM";

fn party() -> RelyingParty {
    RelyingParty {
        redirect_uris: vec![CALLBACK.to_owned(), "http://127.0.0.1/cb".to_owned()],
        ..RelyingParty::default()
    }
}

/// Makes a connector of the account, and returns its `client_id`.
pub(in crate::sign_in) async fn relying_party_of(
    account_id: AccountId,
    caller: &Caller,
    party: RelyingParty,
) -> Result<String> {
    let new = NewConnector {
        account_id,
        name: "App".to_owned(),
        integration: String::new(),
        property: String::new(),
        sandbox: false,
        scopes: Scopes::trusted("accounts:read portal:write".to_owned()),
        rank: None,
        relying_party: party,
    };
    let edit = Edit::begin(author("accounts")).await?;
    let (connector, _) = connector::create(&edit, caller, &new).await?;
    edit.commit().await?;
    Ok(connector.client_id)
}

async fn start() -> Result<Operator> {
    configure();
    setting::set("public_url", "https://accord.example");
    first_start().await
}

fn parameters(client_id: &str, others: &[(&'static str, &str)]) -> Parameters {
    let usual = [
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email accounts:read unknown"),
        ("state", "s t&te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let usual = usual.iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    Parameters::of(usual.chain(others).map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))))
}

/// Where the browser is sent, or what is shown.
async fn refused(parameters: &Parameters) -> String {
    let connection = Connection::lease().await.expect("a connection");
    match examine(&connection, parameters).await {
        Ok(request) => format!("granted {}", request.scopes),
        Err(Refusal::Shown(fault)) => format!("{fault:?}"),
        Err(Refusal::Returned(returned)) => {
            let location = returned.answer.location();
            assert!(location.contains("state=s+t%26te&iss=https%3A%2F%2Faccord.example"), "{location}");
            let error = location.split_once("error=").map(|(_, error)| error).unwrap_or_default();
            error.split('&').next().unwrap_or_default().to_owned()
        }
        Err(Refusal::Failed(error)) => panic!("{error}"),
    }
}

#[test]
fn nobody_is_sent_to_an_address_that_no_client_vouches_for() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let bare = relying_party_of(operator.id, &operator.administrator, RelyingParty::default()).await?;
        for (client, others, expected) in [
            ("nobody", &[][..], "UnknownClient"),
            ("", &[], "UnknownClient"),
            (bare.as_str(), &[], "ForeignRedirectUri"),
            (app.as_str(), &[("redirect_uri", "")], "ForeignRedirectUri"),
            (&app, &[("redirect_uri", "https://app.example/callback/")], "ForeignRedirectUri"),
            (&app, &[("redirect_uri", "https://app.example/callback?x")], "ForeignRedirectUri"),
            (&app, &[("redirect_uri", "https://evil.example/callback")], "ForeignRedirectUri"),
            (&app, &[("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)], "ForeignRedirectUri"),
            (&app, &[("redirect_uri", "http://127.0.0.1:51004/cb")], "granted accounts:read email openid"),
            (&app, &[], "granted accounts:read email openid"),
        ] {
            assert_eq!(refused(&parameters(client, others)).await, expected, "{others:?}");
        }
        let edit = Edit::begin(author("accounts")).await?;
        edit.run("UPDATE connectors SET status = 'inactive' WHERE client_id = ?", &[app.as_str().into()])?;
        edit.commit().await?;
        assert_eq!(refused(&parameters(&app, &[])).await, "UnknownClient", "it was disconnected");
        Ok(())
    });
}

#[test]
fn what_else_is_wrong_goes_back_with_state_and_issuer() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let trusted = RelyingParty { requires_pkce: false, ..party() };
        let trusted = relying_party_of(operator.id, &operator.administrator, trusted).await?;
        for (others, expected) in [
            (&[("response_type", "")][..], "invalid_request"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (&[("response_type", "code id_token")], "unsupported_response_type"),
            (&[("response_mode", "form_post")], "invalid_request"),
            (&[("scope", "")], "invalid_scope"),
            (&[("scope", "email")], "invalid_scope"),
            (&[("scope", "openid accounts:manage")], "invalid_scope"),
            (&[("request", "e30.e30.")], "request_not_supported"),
            (&[("request_uri", "https://app.example/r")], "request_uri_not_supported"),
            (&[("code_challenge", "")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge", "short")], "invalid_request"),
            (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
            (&[("prompt", "none login")], "invalid_request"),
            (&[("max_age", "-1")], "invalid_request"),
            (&[("nonce", "a"), ("nonce", "b")], "invalid_request"),
            (&[("id_token_hint", "no token")], "invalid_request"),
            (&[("claims", "{}"), ("display", "popup"), ("other", "x")], "granted accounts:read email openid"),
        ] {
            assert_eq!(refused(&parameters(&app, others)).await, expected, "{others:?}");
        }
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        assert_eq!(refused(&parameters(&trusted, &without)).await, "invalid_request", "neither challenge nor nonce");
        let with_nonce = [without[0], without[1], ("nonce", "n")];
        assert_eq!(refused(&parameters(&trusted, &with_nonce)).await, "granted accounts:read email openid");
        Ok(())
    });
}

async fn request(client: &str, others: &[(&'static str, &str)]) -> Request {
    let connection = Connection::lease().await.expect("a connection");
    examine(&connection, &parameters(client, others)).await.expect("a good request")
}

/// What comes next, in a word.
fn step(request: &Request, browser: Option<&Browser>, stage: Stage, connection: &Connection) -> String {
    match next(connection, request, browser, stage).expect("a step") {
        Step::SignIn => "sign in".to_owned(),
        Step::Choose(choices) => {
            let names =
                |choices: Vec<Choice>| choices.into_iter().map(|choice| choice.name).collect::<Vec<_>>().join(",");
            let seen = choices.seen.map_or_else(String::new, |choice| format!(" sees {}", choice.name));
            format!("choose {}{seen} offers {}", names(choices.entered), names(choices.offered))
        }
        Step::Issue(account_id) => format!("issue {account_id}"),
        Step::Return(answer) => {
            let location = answer.location();
            location.split(['=', '&']).nth(1).unwrap_or_default().to_owned()
        }
    }
}

/// The author of what a person does in a browser.
fn by(browser: &Browser) -> Author {
    Author { actor: Actor::Person(browser.person.person_id), ..author("accounts") }
}

#[test]
fn a_person_is_asked_what_the_request_and_the_browser_leave_open() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let connection = Connection::lease().await?;
        let (_, browser) = administrator(None).await?;
        let asked = async |others: &[(&'static str, &str)], browser: Option<&Browser>, stage| {
            step(&request(&app, others).await, browser, stage, &connection)
        };
        let own = format!("issue {}", operator.id);
        let (here, arrived) = (Some(&browser), Stage::Arrived);
        assert_eq!(asked(&[], None, arrived).await, "sign in");
        assert_eq!(asked(&[("prompt", "none")], None, arrived).await, "login_required");
        assert_eq!(asked(&[], here, arrived).await, own, "one account is no question");
        assert_eq!(asked(&[("prompt", "none")], here, arrived).await, own);
        assert_eq!(asked(&[("prompt", "login")], here, arrived).await, "sign in");
        assert_eq!(asked(&[("prompt", "login")], here, Stage::SignedIn).await, own);
        assert_eq!(asked(&[("max_age", "0")], here, arrived).await, "sign in");
        assert_eq!(asked(&[("max_age", "0"), ("prompt", "none")], here, arrived).await, "login_required");
        assert_eq!(asked(&[("max_age", "600")], here, arrived).await, own);
        let old = Browser { authenticated_at: browser.authenticated_at - Duration::from_hours(1), ..browser.clone() };
        assert_eq!(asked(&[("max_age", "600")], Some(&old), arrived).await, "sign in");
        assert_eq!(asked(&[("prompt", "login")], Some(&old), Stage::Chosen(operator.id)).await, "sign in");
        assert_eq!(asked(&[("prompt", "select_account")], here, arrived).await, "choose Operator offers ");
        assert_eq!(asked(&[("prompt", "consent")], here, arrived).await, "choose Operator offers ");

        // A second account that the person has entered, and one that others have given.
        let edit = Edit::begin(by(&browser)).await?;
        let second = account(&edit, operator.id, "Second").await?;
        members::found(&edit, second, browser.person.person_id).await?;
        let third = account(&edit, operator.id, "Third").await?;
        offer(&edit, third, &browser).await?;
        edit.commit().await?;
        assert_eq!(asked(&[], here, arrived).await, "choose Operator,Second offers Third");
        assert_eq!(asked(&[("prompt", "none")], here, arrived).await, "account_selection_required");
        assert_eq!(asked(&[("account", "Second")], here, arrived).await, format!("issue {second}"));
        assert_eq!(asked(&[("account", "Second"), ("prompt", "none")], here, arrived).await, format!("issue {second}"));
        assert_eq!(
            asked(&[("account", "Third"), ("prompt", "none")], here, arrived).await,
            "account_selection_required"
        );
        assert_eq!(asked(&[], here, Stage::Chosen(third)).await, format!("issue {third}"));
        Ok(())
    });
}

#[test]
fn a_program_of_a_device_that_anybody_could_be_is_let_in_by_the_person_and_not_silently() {
    run(async {
        let operator = start().await?;
        let (loopback, scheme) = ("http://127.0.0.1:51004/cb", "com.example.app:/cb");
        let uris = [CALLBACK, "http://127.0.0.1/cb", scheme].map(str::to_owned).to_vec();
        let public = RelyingParty { redirect_uris: uris, is_public: true, ..party() };
        let public = relying_party_of(operator.id, &operator.administrator, public).await?;
        let secret = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let (_, browser) = administrator(None).await?;
        let pair = id_token::tests::key().await?;
        let (issuer, subject) = ("https://accord.example", &browser.person.uuid);
        let hint = id_token::tests::sign(&pair, issuer, &public, subject, &browser.id);
        let connection = Connection::lease().await?;
        let own = format!("issue {}", operator.id);
        for (client, uri, others, expected) in [
            (&public, loopback, &[][..], "choose Operator offers "),
            (&public, scheme, &[], "choose Operator offers "),
            (&public, scheme, &[("prompt", "none")], "consent_required"),
            (&public, scheme, &[("account", "Operator")], "choose Operator offers "),
            (&public, loopback, &[("id_token_hint", hint.as_str())], own.as_str()),
            (&public, loopback, &[("id_token_hint", &hint), ("prompt", "none")], &own),
            (&public, CALLBACK, &[], &own),
            (&secret, loopback, &[], &own),
        ] {
            let others: Vec<_> = others.iter().copied().chain([("redirect_uri", uri)]).collect();
            let request = request(client, &others).await;
            assert_eq!(step(&request, Some(&browser), Stage::Arrived, &connection), expected, "{others:?}");
            if expected.starts_with("choose") {
                assert_eq!(
                    step(&request, Some(&browser), Stage::SignedIn, &connection),
                    own,
                    "the page has said for whom"
                );
            }
        }
        Ok(())
    });
}

#[test]
fn nobody_leaves_for_a_client_unasked_before_the_sign_in_but_where_nothing_may_be_asked() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let (_, browser) = administrator(None).await?;
        let connection = Connection::lease().await?;
        for (others, asks) in [
            (&[("response_type", "token")][..], true),
            (&[("response_type", "token"), ("prompt", "login")], true),
            (&[("response_type", "token"), ("prompt", "none")], false),
            (&[("prompt", "none login")], false),
        ] {
            let Err(Refusal::Returned(wrong)) = examine(&connection, &parameters(&app, others)).await else {
                panic!("{others:?} is wrong");
            };
            assert_eq!((wrong.asks(None), wrong.asks(Some(&browser))), (asks, false), "{others:?}");
        }
        Ok(())
    });
}

/// Gives somebody a role in an account who has not entered it.
async fn offer(edit: &Edit, account_id: AccountId, browser: &Browser) -> Result<()> {
    let roles = &[Role::User];
    let grant = Grant {
        door: Door::Accounts,
        roles,
        rank: Some(Role::Owner),
        status: Status::Invited,
        known_as: None,
        known_by: None,
    };
    members::grant(edit, account_id, browser.person.person_id, grant).await.map(drop)
}

#[test]
fn whoever_looks_into_an_account_from_above_is_told_to_its_client_only_by_choosing_it() {
    run(async {
        let operator = start().await?;
        let (_, browser) = administrator(None).await?;
        let edit = Edit::begin(by(&browser)).await?;
        let below = account(&edit, operator.id, "Below").await?;
        edit.run("UPDATE accounts SET datashare = 1 WHERE id = ?", &[below.into()])?;
        edit.commit().await?;
        let app = relying_party_of(below, &operator.administrator, party()).await?;
        let connection = Connection::lease().await?;
        for silent in [&[("prompt", "none")][..], &[("prompt", "none"), ("account", "Below")]] {
            let silent = request(&app, silent).await;
            assert_eq!(step(&silent, Some(&browser), Stage::Arrived, &connection), "access_denied");
        }
        for asked in [&[][..], &[("account", "Below")]] {
            let asked = request(&app, asked).await;
            for stage in [Stage::Arrived, Stage::SignedIn] {
                assert_eq!(step(&asked, Some(&browser), stage, &connection), "choose  sees Below offers ");
            }
            assert_eq!(step(&asked, Some(&browser), Stage::Chosen(below), &connection), format!("issue {below}"));
            code::issue(by(&browser), &asked, &browser, below).await?;
        }
        Ok(())
    });
}

#[test]
fn a_client_reaches_its_account_and_what_that_owns_and_an_offer_is_never_entered_silently() {
    run(async {
        let operator = start().await?;
        let (_, browser) = administrator(None).await?;
        let edit = Edit::begin(by(&browser)).await?;
        let other = account(&edit, operator.id, "Other").await?;
        edit.commit().await?;
        let app = relying_party_of(other, &operator.administrator, party()).await?;
        let connection = Connection::lease().await?;
        let plain = request(&app, &[]).await;
        let silent = request(&app, &[("prompt", "none")]).await;
        assert_eq!(step(&plain, Some(&browser), Stage::Arrived, &connection), "choose  offers ", "nothing in reach");
        assert_eq!(step(&silent, Some(&browser), Stage::Arrived, &connection), "access_denied");
        let foreign = code::issue(by(&browser), &plain, &browser, operator.id).await;
        assert!(matches!(foreign, Err(Error::NotFound(_))), "{foreign:?}");

        let edit = Edit::begin(by(&browser)).await?;
        offer(&edit, other, &browser).await?;
        edit.commit().await?;
        for stage in [Stage::Arrived, Stage::SignedIn] {
            assert_eq!(step(&plain, Some(&browser), stage, &connection), "choose  offers Other");
        }
        assert_eq!(step(&silent, Some(&browser), Stage::Arrived, &connection), "access_denied", "as for anybody");
        code::issue(by(&browser), &plain, &browser, other).await?;
        assert_eq!(step(&silent, Some(&browser), Stage::Arrived, &connection), format!("issue {other}"), "entered");
        Ok(())
    });
}

#[test]
fn a_code_works_once_for_its_client_its_address_and_its_verifier_and_a_second_use_ends_its_tokens() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let (_, browser) = administrator(None).await?;
        let request = request(&app, &[("nonce", "n")]).await;
        let connector = request.client.connector.clone();
        let code = code::issue(by(&browser), &request, &browser, operator.id).await?;
        let redeem = async |connector: &CallingConnector, uri, verifier| {
            code::redeem(&code, connector, uri, verifier, "r").await
        };
        let (callback, verifier) = (Some(CALLBACK), Some(VERIFIER));
        let stranger = &operator.connector;
        assert!(redeem(stranger, callback, verifier).await.is_err(), "another client's");
        assert!(redeem(&connector, Some("http://127.0.0.1/cb"), verifier).await.is_err(), "sent elsewhere");
        assert!(redeem(&connector, None, verifier).await.is_err(), "sent nowhere");
        assert!(redeem(&connector, callback, None).await.is_err(), "without the verifier");
        assert!(redeem(&connector, callback, Some(CHALLENGE)).await.is_err(), "the challenge is no verifier");
        let refreshed = session::refresh(&code, Some(&connector), None, "r").await;
        assert!(refreshed.is_err(), "a code is no refresh token");

        let redeemed = redeem(&connector, callback, verifier).await?;
        assert_eq!(redeemed.nonce.as_deref(), Some("n"));
        assert_eq!(redeemed.session.scopes.as_str(), "accounts:read email openid");
        assert_eq!(redeemed.session.origin.browser.as_deref(), Some(browser.id.as_str()));
        assert_eq!(redeemed.session.origin.authenticated_at, Some(browser.authenticated_at));
        let next =
            session::refresh(&redeemed.session.refresh_token, Some(&connector), None, "r").await?.expect("a token");
        assert_eq!((next.origin, next.scopes), (redeemed.session.origin, redeemed.session.scopes));

        assert!(redeem(&connector, callback, verifier).await.is_err(), "a second time");
        assert!(session::refresh(&next.refresh_token, Some(&connector), None, "r").await.is_err(), "its tokens end");
        let connection = Connection::lease().await?;
        let revoked = "SELECT 1 FROM revoked_tokens WHERE jti = ?";
        assert!(connection.query_first(revoked, &[next.family.as_str().into()])?.is_some());
        Ok(())
    });
}

#[test]
fn a_code_without_a_challenge_takes_no_verifier() {
    run(async {
        let operator = start().await?;
        let trusted = RelyingParty { requires_pkce: false, ..party() };
        let app = relying_party_of(operator.id, &operator.administrator, trusted).await?;
        let (_, browser) = administrator(None).await?;
        let without = [("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "n")];
        let request = request(&app, &without).await;
        let code = code::issue(by(&browser), &request, &browser, operator.id).await?;
        let connector = &request.client.connector;
        let downgraded = code::redeem(&code, connector, Some(CALLBACK), Some(VERIFIER), "r").await;
        assert!(downgraded.is_err(), "somebody has taken the challenge out of the request (RFC 9700, section 4.8.2)");
        assert!(code::redeem(&code, connector, Some(CALLBACK), None, "r").await.is_ok());
        Ok(())
    });
}

#[test]
fn a_code_ends_with_the_browser_the_password_the_connector_and_the_minute() {
    run(async {
        let operator = start().await?;
        let app = relying_party_of(operator.id, &operator.administrator, party()).await?;
        let request = request(&app, &[]).await;
        let connector = &request.client.connector;
        let redeem =
            async |code: &str| code::redeem(code, connector, Some(CALLBACK), Some(VERIFIER), "r").await.map(drop);

        let (_, browser) = administrator(None).await?;
        let code = code::issue(by(&browser), &request, &browser, operator.id).await?;
        crate::sign_in::browser::end(Connection::lease().await?, &browser).await?;
        assert!(redeem(&code).await.is_err(), "the browser was signed out");
        assert!(code::issue(by(&browser), &request, &browser, operator.id).await.is_err(), "and gets no other code");

        let (_, browser) = administrator(None).await?;
        let code = code::issue(by(&browser), &request, &browser, operator.id).await?;
        let edit = Edit::begin(author("accounts")).await?;
        edit.run("UPDATE refresh_tokens SET expires_at = 0 WHERE kind = 'code'", &[])?;
        edit.commit().await?;
        assert!(redeem(&code).await.is_err(), "a minute has passed");

        let code = code::issue(by(&browser), &request, &browser, operator.id).await?;
        let edit = Edit::begin(author("accounts")).await?;
        edit.run("UPDATE memberships SET status = 'removed'", &[])?;
        edit.commit().await?;
        assert!(redeem(&code).await.is_err(), "the person was removed");
        Ok(())
    });
}
