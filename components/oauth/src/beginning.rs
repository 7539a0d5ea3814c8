//! The first start: whoever asks this component for something first makes the operator account.

use std::cell::Cell;

use accord_core::operator::{self, Beginning};
use accord_core::store::Connection;
use accord_core::{Result, setting};

thread_local! {
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// Makes sure that there is an operator account. An instance looks once.
pub async fn ensure(connection: &Connection, request_id: &str) -> Result<()> {
    if OVER.get() {
        return Ok(());
    }
    if !operator::exists(connection)? {
        let beginning = Beginning {
            admin_email: setting::get("admin_email").await?,
            admin_password: setting::get("admin_password").await?,
            client_id: setting::get("bootstrap_client_id").await?,
            client_secret: setting::get("bootstrap_client_secret").await?,
        };
        operator::establish(&beginning, request_id).await?;
    }
    OVER.set(true);
    Ok(())
}
