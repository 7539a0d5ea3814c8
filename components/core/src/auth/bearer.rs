//! Who is behind an access token now: it was verified once, and whether it was revoked and whether its person or connector may still
//! act is looked up at each request.
//!
//! To read, [`presume`] takes it that this is still whoever it was, and has it looked up along with what the request reads. [`answer`]
//! throws away what is made of that if it is not so: what anybody gets was read for a caller who was that in the same moment.

use std::sync::Arc;

use crate::auth::caller::{Caller, CallingConnector, CallingPerson, Noted, noted};
use crate::auth::scope::{self, Scopes};
use crate::auth::token::{self, FIRST_PARTY, INVALID, Verified};
use crate::error::{Error, Result};
use crate::store::along::{self, Outcome, Question};
use crate::store::climb::live;
use crate::store::{Connection, Row, Value};
use crate::values::role::Role;

/// Finds who is behind an access token.
///
/// # Errors
///
/// [`Error::Unauthenticated`] as [`token::verify`], also if it was revoked, if its connector is not active, or
/// if the connector's account is suspended, or one that owns it.
pub async fn find(token: &str, connection: &Connection) -> Result<Caller> {
    active(&*token::verify(token, connection).await?, connection)?.ok_or(INVALID)
}

/// As [`find`], in what [`answer`] runs: where the instance knows who was behind the token, that is looked up along with the first query.
///
/// # Errors
///
/// As [`find`].
pub async fn presume(token: &str) -> Result<Caller> {
    if let Some(verified) = token::recall(token)?
        && let Some(last) = verified.last()
        && along::presume(question(&verified, &last))
    {
        return Ok(Caller::clone(&last));
    }
    find(token, &Connection::lease().await?).await
}

/// Runs a request that only reads, which may [`presume`] who calls. What it gives is `None` if that was wrong: then it has to run again
/// by itself, and asks.
pub async fn answer<F: Future>(request: F) -> Option<F::Output> {
    let (output, question) = match along::presuming(request).await {
        Outcome::Good(output) => return Some(output),
        Outcome::Void => return None,
        Outcome::Unasked(output, question) => (output, question),
    };
    let connection = Connection::lease().await.ok()?;
    let row = connection.query_first(question.sql, &question.parameters).ok()?;
    (question.is_expected)(row).then_some(output)
}

/// What a token says, and who is behind it; `None` if it is not good.
pub(crate) async fn inspect(token: &str, connection: &Connection) -> Result<Option<(Arc<Verified>, Caller)>> {
    let verified = match token::verify(token, connection).await {
        Ok(verified) => verified,
        Err(Error::Unauthenticated(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(active(&verified, connection)?.map(|caller| (verified, caller)))
}

/// Whoever the token was issued to, if that is active and the token was not revoked.
fn active(verified: &Verified, connection: &Connection) -> Result<Option<Caller>> {
    let Asked { sql, parameters, .. } = asked(verified);
    let row = connection.query_first(sql, &parameters)?;
    let caller = row.map(|row| caller(verified, row)).transpose()?;
    verified.note(caller.as_ref());
    Ok(caller)
}

/// Whether the token is still that of `last`.
fn question(verified: &Arc<Verified>, last: &Arc<Caller>) -> Question {
    let Asked { sql, columns, parameters } = asked(verified);
    let (verified, last) = (Arc::clone(verified), Arc::clone(last));
    let is_expected = move |row: Option<Row>| {
        let found = row.and_then(|row| caller(&verified, row).ok());
        let is_so = found.is_some_and(|found| found.is_as(&last));
        if !is_so {
            verified.note(None);
        }
        is_so
    };
    Question { sql, columns, parameters, is_expected: Box::new(is_expected) }
}

/// How it is asked who is behind a token.
struct Asked {
    sql: &'static str,
    columns: usize,
    parameters: Vec<Value>,
}

/// The condition that nothing has ended a token: its id, that of its session, and that of its key follow.
macro_rules! not_revoked {
    () => {
        "NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?, ?, ?))"
    };
}

fn asked(verified: &Verified) -> Asked {
    let ends = [verified.jti.as_str().into(), verified.session.as_deref().into(), verified.kid.as_str().into()];
    let client = verified.client_id.as_str();
    let (sql, columns, whose) = match verified.password_version {
        None => (
            concat!(
                "SELECT c.id, c.account_id, c.secret_version, c.rank, ",
                noted!(),
                " FROM connectors c WHERE c.client_id = ? AND c.status <> 'inactive' AND ",
                live!("c.account_id"),
                " AND ",
                not_revoked!()
            ),
            6,
            vec![client.into()],
        ),
        Some(version) if client == FIRST_PARTY => (
            concat!("SELECT p.id FROM people p WHERE p.uuid = ? AND p.password_version = ? AND ", not_revoked!()),
            1,
            vec![verified.subject.as_str().into(), version.into()],
        ),
        Some(version) => (
            concat!(
                "SELECT p.id, c.id AS through, c.account_id AS within, c.rank
                   FROM people p JOIN connectors c ON c.client_id = ? AND c.status <> 'inactive' AND ",
                live!("c.account_id"),
                " WHERE p.uuid = ? AND p.password_version = ? AND ",
                not_revoked!()
            ),
            4,
            vec![client.into(), verified.subject.as_str().into(), version.into()],
        ),
    };
    Asked { sql, columns, parameters: whose.into_iter().chain(ends).collect() }
}

/// Takes who is behind a token out of a row of what was [`asked`].
fn caller(verified: &Verified, mut row: Row) -> Result<Caller> {
    if verified.password_version.is_none() {
        return Ok(Caller::Connector(CallingConnector {
            id: row.take("id")?,
            client_id: verified.client_id.clone(),
            account_id: row.take("account_id")?,
            scopes: Scopes::trusted(verified.scope.clone()),
            secret_version: row.take("secret_version")?,
            rank: row.take("rank")?,
            noted: Noted::from_row(&mut row)?,
        }));
    }
    let mut person = CallingPerson {
        id: row.take("id")?,
        account_id: verified.account,
        within: None,
        through: None,
        most: Some(Role::Owner),
    };
    if verified.client_id != FIRST_PARTY {
        person.through = row.take("through")?;
        person.within = row.take("within")?;
        person.most = most(row.take("rank")?, &verified.scope);
    }
    Ok(Caller::Person(person))
}

/// See [`CallingPerson::most`]: `rank` is that of the connector that the token was issued to. A token that the person asked for by
/// the password has no scope and is bounded by the rank alone; one that a browser was asked for has what the person let it have.
fn most(rank: Role, scope: &str) -> Option<Role> {
    let granted = |wanted: &str| scope.split(' ').any(|granted| granted == wanted);
    if scope.is_empty() || granted(scope::ACCOUNTS_MANAGE) {
        Some(rank)
    } else {
        Some(Role::Viewer).filter(|_| granted(scope::ACCOUNTS_READ))
    }
}
