//! Signing out at the wish of a relying party (OpenID Connect RP-Initiated Logout 1.0).

use crate::auth::id_token::{self, Hint};
use crate::connectors::relying_party::{self, RelyingParty};
use crate::error::Result;
use crate::sign_in::browser::Browser;
use crate::store::Connection;
use crate::store::climb::live;

/// The parameters of such a request, as they were sent. Others are ignored.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// The last ID token that the relying party got.
    pub id_token_hint: Option<String>,
    /// The relying party.
    pub client_id: Option<String>,
    /// Where the browser is to go then.
    pub post_logout_redirect_uri: Option<String>,
    /// What that address is to be told.
    pub state: Option<String>,
}

/// What a relying party wants.
#[derive(Clone, Debug, Default)]
pub struct Logout {
    /// What the relying party is called, if it is known.
    pub client_name: Option<String>,
    /// Where to send the browser when it is signed out, `state` included. It is given only to an address that the relying party
    /// has registered; without one the sign-out ends with a page.
    pub location: Option<String>,
    hint: Option<Hint>,
}

impl Logout {
    /// Whether the browser may be signed out without asking: the relying party has shown the ID token of this very session.
    /// Otherwise anybody's link could sign people out (section 2).
    pub fn is_proved_for(&self, browser: &Browser) -> bool {
        self.hint.as_ref().is_some_and(|hint| hint.sid == browser.id && hint.subject == browser.person.uuid)
    }
}

/// Examines a request to sign out. `None` if it names a relying party that there is not, two different ones, or an address that is
/// not the relying party's: then nobody is sent anywhere, and nobody is signed out without being asked.
pub async fn examine(connection: &Connection, parameters: &Parameters) -> Result<Option<Logout>> {
    let hint = match &parameters.id_token_hint {
        Some(token) => match id_token::read_hint(connection, token).await? {
            Some(hint) => Some(hint),
            None => return Ok(None),
        },
        None => None,
    };
    let hinted = hint.as_ref().map(|hint| hint.client_id.as_str());
    let client_id = match (hinted, parameters.client_id.as_deref()) {
        (Some(hinted), Some(named)) if hinted != named => return Ok(None),
        (hinted, named) => hinted.or(named),
    };
    let Some(client_id) = client_id else {
        let is_known = parameters.post_logout_redirect_uri.is_none();
        return Ok(is_known.then(Logout::default));
    };
    let statement = format!(
        concat!(
            "SELECT c.name, {} FROM connectors c WHERE c.client_id = ? AND c.status <> 'inactive' AND ",
            live!("c.account_id")
        ),
        relying_party::COLUMNS
    );
    let Some(mut row) = connection.query_first(&statement, &[client_id.into()])? else { return Ok(None) };
    let party = RelyingParty::from_row(&mut row)?;
    let location = match &parameters.post_logout_redirect_uri {
        Some(uri) if party.post_logout_redirect_uris.iter().any(|own| relying_party::is_same(own, uri)) => {
            Some(with_state(uri, parameters.state.as_deref()))
        }
        Some(_) => return Ok(None),
        None => None,
    };
    Ok(Some(Logout { client_name: row.take("name")?, location, hint }))
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{uri}{}state={state}", if uri.contains('?') { '&' } else { '?' })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::id_token::tests::{key, sign};
    use crate::entry::first_start::tests::first_start;
    use crate::setting;
    use crate::sign_in::authorization::tests::relying_party_of;
    use crate::sign_in::browser::tests::{administrator, configure};
    use crate::store::native::run;

    #[test]
    fn a_browser_is_sent_to_a_registered_address_and_signed_out_unasked_by_its_own_id_token_alone() {
        run(async {
            configure();
            setting::set("public_url", "https://accord.example");
            let operator = first_start().await?;
            let bye = "https://app.example/bye?x";
            let uris = vec![bye.to_owned()];
            let party = RelyingParty {
                redirect_uris: uris.clone(),
                post_logout_redirect_uris: uris,
                ..RelyingParty::default()
            };
            let app = relying_party_of(operator.id, &operator.administrator, party.clone()).await?;
            let other = relying_party_of(operator.id, &operator.administrator, party).await?;
            let (_, browser) = administrator(None).await?;
            let pair = key().await?;
            let token = |client: &str, sid: &str| {
                Some(sign(&pair, "https://accord.example", client, &browser.person.uuid, sid))
            };
            let connection = Connection::lease().await?;
            let full = Parameters {
                id_token_hint: token(&app, &browser.id),
                client_id: Some(app.clone()),
                post_logout_redirect_uri: Some(bye.to_owned()),
                state: Some("a b".to_owned()),
            };
            let logout = examine(&connection, &full).await?.expect("a good request");
            assert_eq!(logout.location.as_deref(), Some("https://app.example/bye?x&state=a+b"));
            assert_eq!(logout.client_name.as_deref(), Some("App"));
            assert!(logout.is_proved_for(&browser));

            for id_token_hint in [None, token(&app, "another session")] {
                let logout = examine(&connection, &Parameters { id_token_hint, ..full.clone() }).await?;
                assert!(!logout.expect("to be asked").is_proved_for(&browser));
            }
            assert!(examine(&connection, &Parameters::default()).await?.expect("to be asked").location.is_none());
            for (bad, why) in [
                (
                    Parameters { post_logout_redirect_uri: Some("https://evil.example/".to_owned()), ..full.clone() },
                    "foreign",
                ),
                (Parameters { client_id: Some(other), ..full.clone() }, "two clients"),
                (Parameters { client_id: None, id_token_hint: None, ..full.clone() }, "an address of nobody"),
                (Parameters { client_id: Some("nobody".to_owned()), id_token_hint: None, ..full.clone() }, "no client"),
                (Parameters { id_token_hint: Some("no token".to_owned()), ..full }, "no token"),
            ] {
                assert!(examine(&connection, &bad).await?.is_none(), "{why}");
            }
            Ok(())
        });
    }
}
