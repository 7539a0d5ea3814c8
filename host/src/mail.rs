//! What is looked up in the store of an Accord from outside: the mails that wait in the outbox, where whoever has no relay finds the
//! links; and how many sign-ins have failed.

use anyhow::{Context as _, Result, bail};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::path::Path;

/// How many mails wait in a store, if it is one of an Accord and can be read.
pub(crate) fn count(file: &Path) -> Option<i64> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    connection.query_row("SELECT count(*) FROM outbox", (), |row| row.get(0)).ok()
}

/// Over which time failed sign-ins are counted, in milliseconds: as long as they count against whoever signs in.
const RECENTLY: i64 = 15 * 60 * 1000;

/// How many sign-ins have failed lately by what a store of an Accord has counted: by any name, password or secret, through any API. Each is
/// counted once with the address that it came from.
pub(crate) fn failed_sign_ins(file: &Path, now: i64) -> Option<i64> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let statement =
        "SELECT coalesce(sum(failures), 0) FROM sign_in_failures WHERE window_start > ? AND subject LIKE 'address %'";
    connection.query_row(statement, [now - RECENTLY], |row| row.get(0)).ok()
}

/// The mails that wait in the store of `state_dir`, the oldest first, as text. Their links are secrets: they are for whoever may
/// read the store.
///
/// # Errors
///
/// If there is no store, or it is of no Accord.
pub(crate) fn waiting(state_dir: &Path) -> Result<String> {
    let file = state_dir.join("sqlite_db.db");
    if !file.exists() {
        bail!("{} is not there: it is made by the first `accord up`", file.display());
    }
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let unreadable = || format!("{} cannot be read", file.display());
    let mut statement =
        connection.prepare("SELECT recipient, subject, text FROM outbox ORDER BY id").with_context(unreadable)?;
    let mails = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut shown = String::new();
    for mail in mails {
        let (to, subject, text): (String, String, String) = mail.with_context(unreadable)?;
        // Writing to a string does not fail.
        _ = write!(shown, "To: {to}\nSubject: {subject}\n\n{}\n\n", text.trim_end());
    }
    Ok(if shown.is_empty() { "No mail waits.\n".to_owned() } else { shown })
}
