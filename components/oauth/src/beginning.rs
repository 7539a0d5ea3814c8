//! The first start: whoever asks this component for something first makes the operator account.

use std::cell::Cell;

use accord_core::entry::first_start::{self, FirstStart};
use accord_core::store::{Actor, Connection};
use accord_core::{Result, setting};
use accord_web::Call;

thread_local! {
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// Makes sure that there is an operator account. An instance looks once.
pub async fn ensure(call: &Call, connection: &Connection) -> Result<()> {
    if OVER.get() {
        return Ok(());
    }
    if !first_start::is_over(connection)? {
        first_start::establish(call.author_of(Actor::System), &settings().await?).await?;
    }
    OVER.set(true);
    Ok(())
}

/// What is wrong with the settings of the first start, unless that is over: the setting, and what it must be.
pub async fn faults(connection: &Connection) -> Result<Vec<(&'static str, String)>> {
    if OVER.get() || first_start::is_over(connection)? { Ok(Vec::new()) } else { Ok(settings().await?.faults()) }
}

async fn settings() -> Result<FirstStart> {
    Ok(FirstStart {
        admin_email: setting::get("admin_email").await?,
        admin_password: setting::get("admin_password").await?,
        client_id: setting::get("bootstrap_client_id").await?,
        client_secret: setting::get("bootstrap_client_secret").await?,
        account_key: setting::get("bootstrap_account_key").await?,
        packages: setting::get("packages").await?,
    })
}
