//! Changing what a connector is called, how people sign in to it, and how much it may unbind at once. What it may do stays as it was made.

use serde_json::json;

use crate::auth::caller::Caller;
use crate::auth::key::Algorithm;
use crate::connectors::connector::{Connector, load_to_change};
use crate::connectors::relying_party::RelyingParty;
use crate::error::Result;
use crate::store::Edit;
use crate::store::audit::Changed;
use crate::values::change::Change;
use crate::values::id::ConnectorId;
use crate::values::time::Time;

/// What of a connector is to be another. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ConnectorChanges {
    /// See [`Connector`].
    pub name: Option<String>,
    /// See [`RelyingParty`]. The URIs have no [`crate::connectors::relying_party::fault`]; a public connector keeps one.
    pub redirect_uris: Option<Vec<String>>,
    /// See [`RelyingParty`].
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// See [`RelyingParty`]. Always so for a public connector.
    pub requires_pkce: Option<bool>,
    /// See [`RelyingParty`].
    pub id_token_algorithm: Option<Algorithm>,
    /// See [`Connector`].
    pub unbind_share: Change<i64>,
}

impl ConnectorChanges {
    /// The connector with them.
    fn of(self, before: &Connector) -> Connector {
        let party = &before.relying_party;
        let relying_party = RelyingParty {
            redirect_uris: self.redirect_uris.unwrap_or_else(|| party.redirect_uris.clone()),
            post_logout_redirect_uris: self
                .post_logout_redirect_uris
                .unwrap_or_else(|| party.post_logout_redirect_uris.clone()),
            is_public: party.is_public,
            requires_pkce: self.requires_pkce.unwrap_or(party.requires_pkce),
            id_token_algorithm: self.id_token_algorithm.unwrap_or(party.id_token_algorithm),
        };
        let mut unbind_share = before.unbind_share;
        self.unbind_share.apply(&mut unbind_share);
        Connector {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            relying_party,
            unbind_share,
            ..before.clone()
        }
    }
}

/// Changes a connector. Whoever is signing in meanwhile is sent to where the connector is registered now, or told that it is
/// not.
///
/// # Errors
///
/// As [`crate::connectors::connector::load`]; [`crate::Error::Forbidden`] for one whose rank or whose scopes the caller does not
/// hold: whoever says where codes are sent might as well have its secret.
pub async fn update(edit: &Edit, caller: &Caller, id: ConnectorId, wanted: ConnectorChanges) -> Result<Connector> {
    let before = load_to_change(edit, caller, id)?;
    let after = wanted.of(&before);
    let (was, is) = (&before.relying_party, &after.relying_party);
    let mut changed = Changed::of("account", before.account_id);
    changed.note("name", &before.name, &after.name);
    changed.note("redirectUris", &was.redirect_uris, &is.redirect_uris);
    changed.note("postLogoutRedirectUris", &was.post_logout_redirect_uris, &is.post_logout_redirect_uris);
    changed.note("requirePkce", &was.requires_pkce, &is.requires_pkce);
    changed.note("idTokenSignedResponseAlg", &was.id_token_algorithm.name(), &is.id_token_algorithm.name());
    changed.note("unbindGuard", &before.unbind_share, &after.unbind_share);
    if changed.is_empty() {
        return Ok(after);
    }
    edit.run(
        "UPDATE connectors SET name = ?2, redirect_uris = ?3, post_logout_redirect_uris = ?4, require_pkce = ?5,
                id_token_algorithm = ?6, updated_at = ?7, unbind_share = ?8 WHERE id = ?1",
        &[
            id.into(),
            after.name.as_str().into(),
            json!(is.redirect_uris).to_string().into(),
            json!(is.post_logout_redirect_uris).to_string().into(),
            i64::from(is.requires_pkce).into(),
            is.id_token_algorithm.name().into(),
            Time::now().into(),
            after.unbind_share.into(),
        ],
    )?;
    edit.record("changed", "connectors", &[(id, changed.into_detail())]).await?;
    Ok(after)
}
