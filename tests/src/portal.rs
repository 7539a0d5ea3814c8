//! The portal's API, and what its connectors bind.

use serde_json::Value;

use crate::{Accord, Answer};

/// The portal's accounts.
pub const ACCOUNTS: &str = "/api/integrations/v1/accounts";
/// The portal's users.
pub const USERS: &str = "/api/integrations/v1/users";

/// Accounts with their external ids, for [`crate::Store::lines`]: name | registration id | connector/external id.
pub const BINDINGS: &str = "SELECT a.name, a.registration_id, lower(c.name) || '/' || i.external_id
      FROM accounts a LEFT JOIN account_identities i ON i.account_id = a.id LEFT JOIN connectors c ON c.id = i.connector_id
     WHERE a.owner_id IS NOT NULL ORDER BY 1, 2, 3";

/// Members, for [`crate::Store::lines`]: registration id of the account | e-mail address of the user | role.
pub const MEMBERS: &str = "SELECT a.registration_id, d.address, r.role
      FROM memberships m JOIN accounts a ON a.id = m.account_id JOIN addresses d ON d.person_id = m.person_id
      JOIN grants r ON r.account_id = m.account_id AND r.person_id = m.person_id
     WHERE a.owner_id IS NOT NULL ORDER BY 1, 2, 3";

/// The path of an account's user list.
pub fn users_of(account: &str) -> String {
    format!("{ACCOUNTS}/{account}/users")
}

impl Accord {
    /// Sends a `PATCH` of accounts, as a connector of the portal does.
    pub async fn patch_accounts(&self, token: &str, body: &Value) -> Answer {
        self.patch(token, ACCOUNTS, body).await
    }

    /// Sends a `PATCH` of users, as a connector of the portal does.
    pub async fn patch_users(&self, token: &str, body: &Value) -> Answer {
        self.patch(token, USERS, body).await
    }

    /// Sends a `PATCH` of an account's user list, as a connector of the portal does.
    pub async fn bind(&self, token: &str, account: &str, users: &Value) -> Answer {
        self.patch(token, &users_of(account), users).await
    }
}
