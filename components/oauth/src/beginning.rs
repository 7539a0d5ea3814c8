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
        let settings = FirstStart {
            admin_email: setting::get("admin_email").await?,
            admin_password: setting::get("admin_password").await?,
            client_id: setting::get("bootstrap_client_id").await?,
            client_secret: setting::get("bootstrap_client_secret").await?,
            packages: setting::get("packages").await?,
        };
        first_start::establish(call.author_of(Actor::System), &settings).await?;
    }
    OVER.set(true);
    Ok(())
}
