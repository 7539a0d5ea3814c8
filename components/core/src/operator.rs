//! The first start: the operator account, its admin user and one connector, made of what the operator configured.

use anyhow::anyhow;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::audit::{self, Author};
use crate::error::{Error, Result};
use crate::scope::Scopes;
use crate::store::{Connection, Transaction, Value, now};
use crate::text::Email;
use crate::{account, connector, log, secret};

/// What the operator configured.
pub struct Beginning {
    /// The admin's e-mail address.
    pub admin_email: String,
    /// The admin's password.
    pub admin_password: String,
    /// The `client_id` of the first connector.
    pub client_id: String,
    /// The secret of the first connector.
    pub client_secret: String,
}

/// Whether the first start is over.
pub fn exists(connection: &Connection) -> Result<bool> {
    Ok(connection.query_first("SELECT 1 FROM accounts WHERE owner_id IS NULL", &[])?.is_some())
}

/// Makes the operator account, its admin user and its connector, which holds every scope. Does nothing if somebody was
/// first.
///
/// # Errors
///
/// [`Error::Unavailable`] if what is configured cannot be used: the log says why.
pub async fn establish(beginning: &Beginning, request_id: &str) -> Result<()> {
    let email = Email::parse(&beginning.admin_email).map_err(|fault| unusable("admin_email", &fault))?;
    if beginning.admin_password.is_empty() {
        return Err(unusable("admin_password", "must not be empty"));
    }
    let client_id = beginning.client_id.as_str();
    if client_id.is_empty()
        || client_id.len() > connector::CLIENT_ID_MAX
        || !client_id.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(unusable("bootstrap_client_id", "must be 1 to 100 visible ASCII characters"));
    }
    if beginning.client_secret.is_empty() || beginning.client_secret.len() > connector::SECRET_MAX {
        return Err(unusable("bootstrap_client_secret", "must be 1 to 512 bytes"));
    }
    // Hashed before the lock is taken: it takes long.
    let password_hash = secret::hash_password(&beginning.admin_password)?;
    let secret_hash = secret::hash_secret(&beginning.client_secret)?;
    let account_key = account::new_keys(1)?.pop().ok_or_else(|| anyhow!("no account key"))?;

    let transaction = Transaction::begin().await?;
    if transaction.run_first("SELECT 1 FROM accounts WHERE owner_id IS NULL", &[])?.is_some() {
        return Ok(());
    }
    let now: Value = now().into();
    let insert = |statement, parameters: &[Value]| -> Result<i64> {
        let row = transaction.run_first(statement, parameters)?;
        row.ok_or_else(|| Error::Internal(anyhow!("an insert returned nothing")))?.take(0)
    };
    let account = insert(
        "INSERT INTO accounts (owner_id, account_key, type, name, name_key, origin, created_at, updated_at)
         VALUES (NULL, ?1, 'reseller', 'Operator', 'operator', 'operator', ?2, ?2) RETURNING id",
        &[account_key.into(), now.clone()],
    )?;
    let package = insert(
        "INSERT INTO packages (owner_id, name, is_default) VALUES (?1, 'Default', 1) RETURNING id",
        &[account.into()],
    )?;
    transaction.run("UPDATE accounts SET package_id = ?2 WHERE id = ?1", &[account.into(), package.into()])?;
    let user = insert(
        "INSERT INTO users (account_id, uuid, username, username_key, email, email_key, email_verified, password_hash,
                            password_version, origin, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?3, ?4, 1, ?5, 1, 'operator', ?6, ?6) RETURNING id",
        &[
            account.into(),
            Uuid::new_v4().to_string().into(),
            email.address.into(),
            email.key.into(),
            password_hash.into(),
            now.clone(),
        ],
    )?;
    transaction.run(
        "INSERT INTO memberships (account_id, user_id, status, origin, created_at, updated_at)
         VALUES (?1, ?2, 'active', 'operator', ?3, ?3)",
        &[account.into(), user.into(), now.clone()],
    )?;
    transaction.run(
        "INSERT INTO membership_roles (account_id, user_id, role) VALUES (?1, ?2, 'owner'), (?1, ?2, 'admin')",
        &[account.into(), user.into()],
    )?;
    let connector = insert(
        "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, 'Bootstrap', ?5, ?5) RETURNING id",
        &[account.into(), client_id.into(), secret_hash.into(), Scopes::all().as_str().into(), now],
    )?;
    let author = Author { actor: "system".to_owned(), api: "oauth", request_id: request_id.to_owned() };
    audit::record(&transaction, &author, "created", "accounts", &[(account, Json::Null)]).await?;
    audit::record(&transaction, &author, "created", "users", &[(user, Json::Null)]).await?;
    audit::record(&transaction, &author, "created", "connectors", &[(connector, Json::Null)]).await?;
    transaction.commit().await
}

fn unusable(variable: &str, why: &str) -> Error {
    log::error(None, format_args!("the variable {variable} cannot be used for the first start: it {why}"));
    Error::Unavailable { retry_after: 60, reason: "Accord is not configured rightly; its log says more" }
}
