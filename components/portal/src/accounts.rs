//! Accounts: bound to external ids, made, moved, renamed and unbound.

use accord_core::connectors::identities;
use accord_web::described::ExternalId;
use accord_web::json::Value;
use accord_web::{Call, Push, Result};

use crate::failure::Problems;
use crate::{Told, apply, entries, openapi};

/// Update accounts
///
/// Binds each external id to the account of the registration id, which is made if there is none; null unbinds it. All
/// entries are applied or none. An `id` or a `name` may be left out for an external id that is bound.
#[utoipa::path(
    patch,
    operation_id = "portal_put_accounts",
    path = "/api/integrations/v1/accounts",
    tag = "portal",
    params(openapi::Query),
    request_body(content = BTreeMap<ExternalId, openapi::body::Account>, examples(
        ("update" = (summary = "Update an account", value = json!({ "account_123": { "name": "Acme Ltd.", "id": "123456-8" } }))),
        ("remove" = (summary = "Remove an account", value = json!({ "account_123": null })))
    )),
    responses(
        (status = 200, description = "Every entry is applied, and the answer is empty; of a dry run it is a `PortalDifference`, which nothing else is."),
        Problems
    ),
    security(("bearer" = []))
)]
pub async fn put(call: Call, push: Push) -> Result<Told> {
    apply(push, async |connector, body, run| {
        let entries = entries::accounts(&Value::parse(&body)?)?;
        Ok(identities::put_accounts(call.author_of(connector.actor()), connector, &entries, run).await?)
    })
    .await
}
