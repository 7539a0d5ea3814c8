//! Connection health: what became of a connector's writes (the administration API's document, "Connection Health").
//!
//! Each write of a connector passes through [`write`]. What succeeded is noted with what is written
//! ([`CallingConnector::succeeds`]), what was refused or failed right after it. After [`FAILURES_MAX`] of the latter in a row the
//! connector is in error state. That is told, and refuses nothing: what the document pauses is synchronization that the
//! service does by itself, and a connector of ours comes by itself. A write that succeeds ends the state, and so does
//! somebody who looked into it ([`crate::connectors::connector::resume`], [`crate::connectors::connector::rotate`]).

use std::fmt::Write as _;

use crate::auth::caller::CallingConnector;
use crate::connectors::connector::{FAILURES_MAX, STATUS};
use crate::error::{Error, Result};
use crate::log;
use crate::store::{Connection, Row, Value};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::time::Time;

/// Longest note of a failure that is kept, in characters.
const NOTE_MAX: usize = 500;

/// How many faults of a body a note names.
const FAULTS_TOLD: usize = 3;

/// Why a write was not done.
pub trait Refusal {
    /// What is to be noted of the connector, technically, for those who look after it: nothing if the directory could not
    /// do it just then.
    fn note(&self) -> Option<String>;
}

impl Refusal for Error {
    fn note(&self) -> Option<String> {
        match self {
            Self::Unavailable { .. } => None,
            Self::Internal(_) => Some("something went wrong in the service".to_owned()),
            Self::Invalid(faults) => {
                let mut note = faults.to_string();
                for (field, fault) in faults.shown().iter().take(FAULTS_TOLD) {
                    // Writing to a string never fails.
                    let _ = write!(note, "; {field} {fault}");
                }
                Some(note)
            }
            other => Some(other.to_string()),
        }
    }
}

/// Does a write of the connector that calls, and notes it if it is refused or fails. `api` is the name of the API, as the
/// audit has it.
///
/// Writes that ran at the same time count as one failure, as one attempt of the connector; a directory that was busy
/// counts as none.
///
/// # Errors
///
/// What the write gives.
pub async fn write<T, E: Refusal>(
    connector: &CallingConnector,
    api: &'static str,
    write: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Time::now();
    let written = write.await;
    if let Err(refusal) = &written
        && let Some(note) = refusal.note()
        && let Err(unnoted) = write_failed(connector.id, begun, noted(api, &note)).await
    {
        // The caller is told what went wrong with the write, whatever went wrong with the note.
        log::error(None, format_args!("connector {}: a failed write was not noted: {unnoted}", connector.id));
    }
    written
}

/// Notes a success of the connector by a write that changed nothing and took no lock. Health is told to the second: more than one
/// success in a second is one. While others keep the directory busy nothing is noted: the write has succeeded all the same.
pub async fn nothing_changed(connection: &Connection, connector: &CallingConnector) -> Result<()> {
    let Some(parameters) = success(connector) else { return Ok(()) };
    match connection.execute(SUCCEEDED, parameters.into()).await {
        Ok(_) | Err(Error::Unavailable { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

const SUCCEEDED: &str = "UPDATE connectors SET last_success_at = ?2, failures = 0 WHERE id = ?1";

/// The parameters of [`SUCCEEDED`], unless a success was noted in this second.
fn success(connector: &CallingConnector) -> Option<[Value; 2]> {
    let now = Time::now();
    let is_noted = connector.noted.succeeded_at.is_some_and(|noted| noted.seconds() == now.seconds());
    (!is_noted).then(|| [connector.id.into(), now.into()])
}

async fn write_failed(connector_id: ConnectorId, begun: Time, note: String) -> Result<()> {
    let statement = "UPDATE connectors SET last_failure_at = ?3, last_failure = ?4,
                failures = failures + (last_failure_at IS NULL OR last_failure_at <= ?2) WHERE id = ?1";
    let parameters = vec![connector_id.into(), begun.into(), Time::now().into(), note.into()];
    Connection::lease().await?.execute(statement, parameters).await.map(drop)
}

/// A note as it is kept: after the name of the API, and not too long.
fn noted(api: &str, note: &str) -> String {
    let mut noted = format!("{api}: {note}");
    if let Some((end, _)) = noted.char_indices().nth(NOTE_MAX) {
        noted.truncate(end);
    }
    noted
}

/// How a connector fares.
#[derive(Clone, Debug)]
pub struct Health {
    /// The connector.
    pub connector_id: ConnectorId,
    /// See [`crate::connectors::connector::Connector`].
    pub integration: String,
    /// See [`crate::connectors::connector::Connector`].
    pub property: String,
    /// See [`crate::connectors::connector::Connector`].
    pub environment: String,
    /// See [`crate::connectors::connector::Connector`].
    pub status: String,
    /// When it was made.
    pub created_at: Time,
    /// When its last access token expires.
    pub token_expires_at: Option<Time>,
    /// When its last write succeeded.
    pub last_success_at: Option<Time>,
    /// When a write of it was refused or failed the last time.
    pub last_failure_at: Option<Time>,
    /// Why.
    pub last_failure: Option<String>,
    /// How many of its writes failed since one succeeded.
    pub failures: i64,
    /// The account that it belongs to.
    pub account_id: AccountId,
    /// That account's key.
    pub account_key: String,
    /// That account's name.
    pub account_name: String,
}

impl Health {
    /// Whether so many of its writes failed in a row that somebody has to look into it.
    pub fn is_in_error_state(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// The columns of [`Health`]: of a connector `c` and its account `a`.
    pub(super) fn columns() -> String {
        format!(
            "c.id, c.integration, c.property, c.environment, {STATUS} AS status, c.created_at, c.token_expires_at,
             c.last_success_at, c.last_failure_at, c.last_failure, c.failures, c.account_id, a.account_key,
             a.name AS account_name"
        )
    }

    pub(super) fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            connector_id: row.take("id")?,
            integration: row.take("integration")?,
            property: row.take("property")?,
            environment: row.take("environment")?,
            status: row.take("status")?,
            created_at: row.take("created_at")?,
            token_expires_at: row.take("token_expires_at")?,
            last_success_at: row.take("last_success_at")?,
            last_failure_at: row.take("last_failure_at")?,
            last_failure: row.take("last_failure")?,
            failures: row.take("failures")?,
            account_id: row.take("account_id")?,
            account_key: row.take("account_key")?,
            account_name: row.take("account_name")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connectors::connector;
    use crate::entry::first_start::tests::{author, first_start};
    use crate::error::{Faults, Thing};
    use crate::store::Edit;
    use crate::store::native::run;
    use crate::values::time::clock;

    #[test]
    fn the_note_of_a_failure_is_short_and_tells_no_secret() {
        let mut faults = Faults::default();
        for field in ["a", "b", "c", "d"] {
            faults.add(field, "must not be empty");
        }
        assert_eq!(
            Error::Invalid(faults).note().map(|note| noted("portal", &note)).as_deref(),
            Some("portal: 4 values are not valid; a must not be empty; b must not be empty; c must not be empty")
        );
        let inner = Error::Internal(anyhow::anyhow!("password is hunter2"));
        assert_eq!(inner.note().as_deref(), Some("something went wrong in the service"));
        assert_eq!(noted("portal", &"é".repeat(1000)).chars().count(), NOTE_MAX);
    }

    #[test]
    fn a_busy_directory_is_no_failure_of_the_connector() {
        run(async {
            let connector = &first_start().await?.connector;
            let busy = Error::Unavailable { retry_after: 1, reason: "the directory is busy" };
            write(connector, "portal", async { Err::<(), _>(busy) }).await.unwrap_err();
            assert_eq!(health(connector).await?.failures, 0);
            Ok(())
        });
    }

    /// How a connector fares.
    async fn health(connector: &CallingConnector) -> Result<Health> {
        let statement = format!(
            "SELECT {} FROM connectors c JOIN accounts a ON a.id = c.account_id WHERE c.id = ?",
            Health::columns()
        );
        Health::from_row(&mut Connection::lease().await?.query_one(&statement, &[connector.id.into()])?)
    }

    /// A write of a connector that is refused.
    async fn refused(connector: &CallingConnector) {
        let refused = write(connector, "portal", async { Err::<(), _>(Error::NotFound(Thing::Account)) }).await;
        assert!(matches!(refused, Err(Error::NotFound(Thing::Account))), "{refused:?}");
    }

    /// A write of a connector that succeeds.
    async fn done(connector: &CallingConnector) -> Result<()> {
        write(connector, "portal", async {
            let edit = Edit::begin(author("portal")).await?;
            connector.succeeds(&mut edit.draft())?;
            edit.commit().await
        })
        .await
    }

    #[test]
    fn writes_that_fail_at_the_same_time_count_as_one_and_a_success_ends_the_row() {
        run(async {
            let connector = &first_start().await?.connector;
            let failures = async || Ok::<_, Error>(health(connector).await?.failures);
            // The outer one began before the inner one failed.
            let outer = write(connector, "portal", async {
                clock::advance(Duration::from_millis(1));
                refused(connector).await;
                Err::<(), _>(Error::NotFound(Thing::Account))
            });
            outer.await.unwrap_err();
            assert_eq!(failures().await?, 1);
            refused(connector).await;
            assert_eq!(failures().await?, 2);
            done(connector).await?;
            assert_eq!(failures().await?, 0);
            Ok(())
        });
    }

    #[test]
    fn ten_failures_in_a_row_are_an_error_state_that_a_success_or_a_resumption_ends() {
        run(async {
            let operator = first_start().await?;
            let in_error_state = async || Ok::<_, Error>(health(&operator.connector).await?.is_in_error_state());
            for _ in 0..9 {
                refused(&operator.connector).await;
            }
            assert!(!in_error_state().await?);
            refused(&operator.connector).await;
            assert!(in_error_state().await?);
            done(&operator.connector).await?;
            assert!(!in_error_state().await?);
            for _ in 0..10 {
                refused(&operator.connector).await;
            }
            let edit = Edit::begin(author("accounts")).await?;
            connector::resume(&edit, &operator.administrator, operator.connector.id).await?;
            edit.commit().await?;
            assert!(!in_error_state().await?);
            Ok(())
        });
    }

    #[test]
    fn the_last_failure_and_the_last_success_are_kept_with_their_times() {
        run(async {
            let connector = &first_start().await?.connector;
            let succeeded_at = Time::now();
            done(connector).await?;
            clock::advance(Duration::from_mins(1));
            refused(connector).await;
            let health = health(connector).await?;
            assert_eq!((health.last_success_at, health.last_failure_at), (Some(succeeded_at), Some(Time::now())));
            assert_eq!(health.last_failure.as_deref(), Some("portal: account not found"));
            Ok(())
        });
    }
}
