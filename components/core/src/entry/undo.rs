//! What was removed comes back: a body of the portal unbound too much, or an account was deleted that is wanted.
//!
//! Each row comes back as it was, if what it needs is there: somebody who was erased meanwhile is not, and who was shut out of an account
//! stays out. A connector that was disconnected or deleted by itself comes back without its secret. Nothing of what is there by now is changed for it: where a value is another's, nothing comes back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::accounts::hierarchy;
use crate::accounts::makers;
use crate::accounts::members::is_shut_out;
use crate::accounts::removals;
use crate::accounts::role::Roles;
use crate::accounts::sources::{self, Field, leads_to};
use crate::auth::caller::Caller;
use crate::auth::secret;
use crate::connectors::unbinding;
use crate::error::{Conflict, Error, Result, Thing};
use crate::store::sql::{Sql, named};
use crate::store::{Edit, Value};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::role::Role;

/// Brings back what a request has removed.
///
/// # Errors
///
/// [`Error::NotFound`] for a request that has removed nothing of the accounts of an owner that the caller sees, or more than 30 days
/// ago; [`Error::Forbidden`] without the role manage in that owner, or owner to bring back an account that somebody deleted, and for a
/// connector; [`Error::Conflict`] with [`Conflict::TakenSince`].
pub async fn undo(edit: &Edit, caller: &Caller, request_id: &str) -> Result<()> {
    const UNKNOWN: Error = Error::NotFound(Thing::Event);
    let statement = "SELECT id, owner_id, kind = 'account' AS deletes FROM removals WHERE request_id = ?1 AND at >= ?2 ORDER BY id DESC LIMIT 1";
    let mut row = edit.run_first(statement, &[request_id.into(), removals::expired()])?.ok_or(UNKNOWN)?;
    let (removal, owner): (i64, AccountId) = (row.take("id")?, row.take("owner_id")?);
    let held: Roles = hierarchy::roles(edit.connection(), caller, owner).map_err(|error| match error {
        Error::NotFound(_) => UNKNOWN,
        other => other,
    })?;
    caller.refuse_connector()?;
    let deletes: bool = row.take("deletes")?;
    held.require(if deletes { Role::Owner } else { Role::Manage })?;
    let here: [Value; 2] = [removal.into(), owner.into()];
    require_ranks(edit, &held, removal)?;
    require_places(edit, removal)?;
    if let Some(mut row) = edit.run_first(TAKEN, &here)? {
        return Err(Error::Conflict(Conflict::TakenSince(match row.take::<i64>("what")? {
            0 => "an external id means another account",
            1 => "an external id means another user",
            _ => "a registration id leads to another account",
        })));
    }
    let mut rows = 0;
    for statement in restored() {
        let done = edit.batch(&statement, named(&statement, &here)).await.map_err(taken)?;
        rows += done.len();
    }
    if !deletes {
        end_secrets(edit, removal)?;
    }
    let_go(edit, removal).await?;
    // Whoever made a connector may have lost its rank while it was gone.
    let makers = "SELECT DISTINCT c.maker_id FROM removed_rows r JOIN connectors c ON c.id = r.row ->> 'id'
          WHERE r.removal_id = ? AND r.kind IN ('connectors', 'disconnected') AND c.maker_id IS NOT NULL";
    for mut row in edit.batch(makers, vec![removal.into()]).await? {
        makers::lost_roles(edit, row.take("maker_id")?).await?;
    }
    let accounts = "SELECT count(*) AS number FROM removed_rows WHERE removal_id = ? AND kind = 'accounts'";
    let accounts: i64 = edit.run_one(accounts, &here[..1])?.take("number")?;
    hierarchy::count(edit, owner, accounts)?;
    let spoken = edit.batch(SPOKEN, vec![removal.into()]).await?;
    let spoken = spoken.into_iter().map(|mut row| row.take("id")).collect::<Result<Vec<AccountId>>>()?;
    sources::settle(edit, &spoken, &Field::ALL).await?;
    edit.batch("DELETE FROM removals WHERE id = ?", vec![removal.into()]).await?;
    edit.record("brought back", "accounts", &[(owner, json!({ "request": request_id, "rows": rows }))]).await
}

/// Refuses to bring back a connector of a rank that the caller does not hold.
fn require_ranks(edit: &Edit, held: &Roles, removal: i64) -> Result<()> {
    let ranks = "SELECT DISTINCT row ->> 'rank' AS rank FROM removed_rows WHERE removal_id = ? AND kind IN ('connectors', 'disconnected')";
    for mut row in edit.run(ranks, &[removal.into()])? {
        if held.rank() < Some(row.take("rank")?) {
            return Err(Error::Forbidden { needs: "the rank of the connector" });
        }
    }
    Ok(())
}

/// Refuses to bring back a connector elsewhere than where it was: it may be gone, or its account may be joined into another one since, to
/// which nobody has let it in.
fn require_places(edit: &Edit, removal: i64) -> Result<()> {
    let elsewhere = "SELECT 1 FROM removed_rows r WHERE r.removal_id = ?
         AND CASE r.kind
               WHEN 'connectors' THEN EXISTS (SELECT 1 FROM joined_accounts j WHERE j.id = r.row ->> 'account_id')
               WHEN 'disconnected' THEN NOT EXISTS (
                    SELECT 1 FROM connectors c WHERE c.id = r.row ->> 'id' AND c.account_id = r.row ->> 'account_id')
             END LIMIT 1";
    match edit.run_first(elsewhere, &[removal.into()])? {
        Some(_) => Err(Error::Conflict(Conflict::TakenSince("a connector is gone, or its account is another one"))),
        None => Ok(()),
    }
}

/// Gives the connectors that come back a secret that nobody knows: whoever has had the one before may be why they went.
fn end_secrets(edit: &Edit, removal: i64) -> Result<()> {
    let back =
        "SELECT row ->> 'id' AS id FROM removed_rows WHERE removal_id = ? AND kind IN ('connectors', 'disconnected')";
    for mut row in edit.run(back, &[removal.into()])? {
        let id: ConnectorId = row.take("id")?;
        edit.run(
            "UPDATE connectors SET secret_hash = ?2, secret_version = secret_version + 1 WHERE id = ?1",
            &[id.into(), secret::hash_secret(&secret::generate()?)?.into()],
        )?;
    }
    Ok(())
}

/// The account that an external id of a row `r` had moved to, or the one into which that was joined since.
macro_rules! moved_to {
    () => {
        "coalesce((SELECT j.account_id FROM joined_accounts j WHERE j.id = r.row ->> 'to'), r.row ->> 'to')"
    };
}

/// Takes away what an external id has opened where it had moved to, and holds no more.
async fn let_go(edit: &Edit, removal: i64) -> Result<()> {
    let opened = "SELECT b.account_id AS account_id, r.row ->> 'to' AS person_id FROM removed_rows r
           JOIN user_bindings b ON b.connector_id = r.row ->> 'connector_id' AND b.external_id = r.row ->> 'external_id'
          WHERE r.removal_id = ? AND r.kind = 'person_identities' AND r.row ->> 'to' IS NOT NULL";
    unbinding::end_memberships(edit, Sql { text: opened.to_owned(), parameters: vec![removal.into()] }).await?;
    let moved = concat!(
        "SELECT DISTINCT r.row ->> 'connector_id' AS connector_id, ",
        moved_to!(),
        " AS account_id FROM removed_rows r
          WHERE r.removal_id = ? AND r.kind = 'account_identities' AND r.row ->> 'to' IS NOT NULL"
    );
    let mut left: BTreeMap<ConnectorId, BTreeSet<AccountId>> = BTreeMap::new();
    for mut row in edit.batch(moved, vec![removal.into()]).await? {
        left.entry(row.take("connector_id")?).or_default().insert(row.take("account_id")?);
    }
    for (connector_id, left) in left {
        unbinding::prune(edit, connector_id, &left).await?;
    }
    Ok(())
}

/// A row of ours that is unique is another's by now.
fn taken(error: Error) -> Error {
    match error {
        Error::Duplicate { columns } => Error::Conflict(Conflict::TakenSince(match columns.as_str() {
            columns if columns.contains("subdomain") => "another account has a subdomain",
            columns if columns.contains("registration_id") => "a registration id leads to another account",
            columns if columns.contains("addresses") => "somebody has an address",
            columns if columns.contains("usernames") => "somebody has a username",
            _ => "something has a value that there is once",
        })),
        other => other,
    }
}

/// The account of a row `r`, or the one into which it was joined since.
macro_rules! account {
    ($row:literal) => {
        concat!(
            "coalesce((SELECT j.account_id FROM joined_accounts j WHERE j.id = ",
            $row,
            " ->> 'account_id'), ",
            $row,
            " ->> 'account_id')"
        )
    };
}

/// The person of a row `r`, or who that turned out to be; null for somebody who was erased.
macro_rules! person {
    ($row:literal) => {
        concat!(
            "(SELECT p.id FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id) AND p.erased_at IS NULL
               WHERE was.id = ",
            $row,
            " ->> 'person_id')"
        )
    };
}

/// What a connector says by a row `r`: nothing, if it is disconnected.
macro_rules! word {
    ($field:literal) => {
        concat!(
            "iif((SELECT x.status FROM connectors x WHERE x.id = r.row ->> 'connector_id') = 'inactive', NULL, r.row ->> '",
            $field,
            "')"
        )
    };
}

/// Whether the connector of a row `r` is there.
macro_rules! connector {
    ($row:literal) => {
        concat!("EXISTS (SELECT 1 FROM connectors x WHERE x.id = ", $row, " ->> 'connector_id')")
    };
}

/// What stands against it: an external id means something else by now, or a registration id leads to another account.
const TAKEN: &str = concat!(
    "SELECT 0 AS what FROM removed_rows r JOIN account_identities i
         ON i.connector_id = r.row ->> 'connector_id' AND i.external_id = r.row ->> 'external_id'
      WHERE r.removal_id = ?1 AND r.kind = 'account_identities'
        AND i.account_id <> ",
    account!("r.row"),
    " AND i.account_id IS NOT ",
    moved_to!(),
    "
     UNION ALL
     SELECT 1 FROM removed_rows r JOIN person_identities i
         ON i.connector_id = r.row ->> 'connector_id' AND i.external_id = r.row ->> 'external_id'
      WHERE r.removal_id = ?1 AND r.kind = 'person_identities'
        AND i.person_id IS NOT coalesce(",
    person!("r.row"),
    ", r.row ->> 'person_id') AND i.person_id IS NOT (r.row ->> 'to')
     UNION ALL
     SELECT 2 FROM (SELECT r.row ->> 'registration_id' AS said, ",
    account!("r.row"),
    " AS account FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'account_identities'
          UNION SELECT r.row ->> 'registration_id', r.row ->> 'id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'accounts'
          UNION SELECT r.row ->> 'people_registration_id', r.row ->> 'id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'accounts'
          UNION SELECT r.row ->> 'above_registration_id', r.row ->> 'id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'accounts') w
      WHERE w.said IS NOT NULL AND ",
    leads_to!("w.said"),
    " <> w.account
     LIMIT 1"
);

/// What brings back the rows of a removal. It is seldom needed, and long: an instance unpacks it that is asked to.
fn restored() -> Vec<String> {
    let text = accord_building::unpack(include_bytes!(concat!(env!("OUT_DIR"), "/restored.zlib")));
    let parts = [
        ("{account}", account!("r.row")),
        ("{person}", person!("r.row")),
        ("{connector}", connector!("r.row")),
        ("{name}", word!("name")),
        ("{registration_id}", word!("registration_id")),
        ("{moved_to}", moved_to!()),
        ("{is_shut_out}", is_shut_out!("gone.account_id", "gone.person_id")),
    ];
    let text = parts.into_iter().fold(text, |text, (name, part)| text.replace(name, part));
    text.split_inclusive(";\n").map(str::to_owned).collect()
}

/// The accounts of which something is said again, or no more.
const SPOKEN: &str = concat!(
    "SELECT DISTINCT a.id FROM (
         SELECT ",
    account!("r.row"),
    " AS id FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'account_identities'
         UNION SELECT ",
    moved_to!(),
    " FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'account_identities'
         UNION SELECT r.row ->> 'id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'accounts') w JOIN accounts a ON a.id = w.id"
);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::joins;
    use crate::accounts::joins::tests::{World, contradictions, difference, directory, rounds};
    use crate::accounts::manage;
    use crate::accounts::members;
    use crate::connectors::bindings::{UserEntries, bind_users, put_users};
    use crate::connectors::connector;
    use crate::connectors::identities::{AccountEntries, AccountEntry, put_accounts};
    use crate::connectors::outcome::Run;
    use crate::entry::erasure;
    use crate::entry::first_start::tests::{account, author, first_start, person, signed_in};
    use crate::store::native::run;
    use crate::store::{Author, Connection, migration};
    use crate::values::email::Email;
    use crate::values::id::{Id as _, PersonId};
    use crate::values::time::clock;
    use crate::values::version::Precondition;

    /// The columns of a table, in the order of their names.
    fn columns(table: &str) -> Vec<String> {
        let store = migration::in_memory();
        let mut found = store.prepare("SELECT name FROM pragma_table_info(?) ORDER BY name").expect("a statement");
        found.query_map([table], |row| row.get(0)).expect("columns").map(|name| name.expect("a name")).collect()
    }

    #[test]
    fn a_row_comes_back_with_every_column_of_its_table() {
        let mut count = 0;
        for statement in restored() {
            let Some((_, insert)) = statement.split_once("INSERT INTO ") else { continue };
            let (table, rest) = insert.split_once('(').expect("columns");
            let (named, _) = rest.split_once(')').expect("the end of the columns");
            let mut named: Vec<_> = named.split(',').map(|name| name.trim().to_owned()).collect();
            named.sort_unstable();
            assert_eq!(named, columns(table.trim()), "{table}");
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    fn of(request: &str, api: &'static str) -> Author {
        Author { request_id: request.to_owned(), ..author(api) }
    }

    async fn take_back(caller: &Caller, request: &str) -> Result<()> {
        let edit = Edit::begin(author("accounts")).await?;
        undo(&edit, caller, request).await?;
        edit.commit().await
    }

    async fn number(statement: &str) -> Result<i64> {
        Connection::lease().await?.query_one(statement, &[])?.take("number")
    }

    #[test]
    fn what_a_body_has_removed_comes_back_row_by_row() {
        run(async {
            let mut world = World::new(0x5eed_2018).await?;
            let mut removed = 0;
            for round in 0..rounds(120) {
                for _ in 0..world.dice.roll(25) {
                    world.happens().await?;
                }
                let before = directory(&Connection::lease().await?)?;
                let connector = world.connectors[world.dice.roll(2)].clone();
                let request = of(&format!("round {round}"), "portal");
                let ids = ["v", "w", "x", "y"];
                if world.dice.roll(2) == 0 {
                    // An external id that is unbound, or moves to an account that is there.
                    let mut entries: AccountEntries = Vec::new();
                    for id in ids {
                        // What nobody says any more stays as it was shown: where another connector speaks that is told apart.
                        let known = "SELECT a.registration_id AS id FROM accounts a
                             JOIN account_identities i ON i.account_id = a.id AND i.connector_id <> ?2
                            WHERE a.owner_id = ?1 AND a.registration_id IS NOT NULL LIMIT 1";
                        let known = Connection::lease()
                            .await?
                            .query_first(known, &[world.operator.id.into(), connector.id.into()])?;
                        let known = known.map(|mut row| row.take::<String>("id")).transpose()?;
                        let moves = world.dice.roll(3) == 0;
                        let bound = "SELECT 1 FROM account_identities WHERE connector_id = ? AND external_id = ?";
                        let bound = Connection::lease().await?.query_first(bound, &[connector.id.into(), id.into()])?;
                        match (known, bound) {
                            (Some(known), Some(_)) if moves => {
                                let entry = AccountEntry { name: None, registration_id: Some(known) };
                                entries.push((id.to_owned(), Some(entry)));
                            }
                            _ => entries.push((id.to_owned(), None)),
                        }
                    }
                    put_accounts(request, &connector, &entries, Run::default()).await?;
                } else {
                    let mut entries: UserEntries = Vec::new();
                    for id in ids {
                        let address = format!("p{}@example.com", world.dice.roll(6));
                        let bound = "SELECT 1 FROM person_identities WHERE connector_id = ? AND external_id = ?";
                        let bound = Connection::lease().await?.query_first(bound, &[connector.id.into(), id.into()])?;
                        // One that is bound anew is none that comes back.
                        let moves = bound.is_some() && world.dice.roll(3) == 0;
                        entries.push((id.to_owned(), moves.then(|| Email::parse(&address).expect("an address"))));
                    }
                    put_users(request, &connector, &entries, Run::default()).await?;
                }
                assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}");
                match take_back(&world.operator.administrator, &format!("round {round}")).await {
                    Ok(()) => removed += 1,
                    Err(Error::NotFound(Thing::Event)) => {}
                    Err(error) => return Err(error),
                }
                assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}");
                let after = directory(&Connection::lease().await?)?;
                let lost: Vec<_> = difference(&before, &after)
                    .into_iter()
                    // A sync tells when it was.
                    .filter(|line| line.starts_with('-') && !line.starts_with("- connectors"))
                    .collect();
                assert_eq!(lost, [""; 0], "round {round}: {:?}", difference(&before, &after));
            }
            assert!(removed > 20, "{removed}");
            Ok(())
        });
    }

    #[test]
    fn a_connector_that_goes_comes_back_with_all_that_it_said_and_without_its_secret() {
        run(async {
            let mut world = World::new(0x5eed_2020).await?;
            for round in 0..rounds(60) {
                for _ in 0..world.dice.roll(25) {
                    world.happens().await?;
                }
                let which = world.dice.roll(2);
                let connector = world.connectors[which].clone();
                let deletes = world.dice.roll(2) == 0;
                let before = directory(&Connection::lease().await?)?;
                let edit = Edit::begin(of(&format!("round {round}"), "accounts")).await?;
                if deletes {
                    connector::delete(&edit, &world.operator.administrator, connector.id).await?;
                } else {
                    connector::disconnect(&edit, &world.operator.administrator, connector.id).await?;
                }
                edit.commit().await?;
                // Memberships that it has opened stay.
                let found: Vec<_> = contradictions(&Connection::lease().await?)?
                    .into_iter()
                    .filter(|line| !line.starts_with("given by a binding that is none"))
                    .collect();
                assert_eq!(found, [""; 0], "round {round}");
                take_back(&world.operator.administrator, &format!("round {round}")).await?;
                world.connectors[which].secret_version += 1;
                assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0], "round {round}");
                let after = directory(&Connection::lease().await?)?;
                // Of the connector itself, the secret is another one.
                let (mut connectors, others): (Vec<_>, Vec<_>) =
                    difference(&before, &after).into_iter().partition(|line| line[2..].starts_with("connectors "));
                assert_eq!(others, [""; 0], "round {round}: deletes {deletes}");
                connectors.retain(|line| line.contains("'inactive'"));
                assert_eq!(connectors, [""; 0], "round {round}: deletes {deletes}");
            }
            Ok(())
        });
    }

    #[test]
    fn to_bring_a_connector_back_takes_its_rank_and_its_secret_is_none_any_more() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let manager = person(&edit, "manager@example.com").await?;
            let held = hierarchy::roles(edit.connection(), &operator.administrator, operator.id)?;
            let seen =
                members::Seen { id: manager, known_as: manager, known_by: None, status: members::Status::Active };
            members::add(&edit, &operator.administrator, &held, operator.id, seen, &[Role::Manage]).await?;
            edit.commit().await?;
            let secret = "SELECT secret_version AS number FROM connectors";
            let version = number(secret).await?;
            for (request, deletes) in [("disconnected", false), ("deleted", true)] {
                let edit = Edit::begin(of(request, "accounts")).await?;
                if deletes {
                    connector::delete(&edit, &operator.administrator, operator.connector.id).await?;
                } else {
                    connector::disconnect(&edit, &operator.administrator, operator.connector.id).await?;
                }
                edit.commit().await?;
                let refused = take_back(&signed_in(manager), request).await;
                assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
                take_back(&operator.administrator, request).await?;
            }
            assert_eq!(number(secret).await?, version + 2);
            assert_eq!(number("SELECT status <> 'inactive' AS number FROM connectors").await?, 1);
            Ok(())
        });
    }

    #[test]
    fn a_connector_comes_back_where_it_was_and_nowhere_else() {
        run(async {
            let world = World::new(0x5eed_2021).await?;
            let administrator = &world.operator.administrator;
            let edit = Edit::begin(author("accounts")).await?;
            let one = account(&edit, world.operator.id, "One").await?;
            let other = account(&edit, world.operator.id, "Other").await?;
            let (kept, lost) = (world.connector(&edit, one, "Kept").await?, world.connector(&edit, one, "Lost").await?);
            edit.commit().await?;
            for (request, connector) in [("kept", &kept), ("lost", &lost)] {
                let edit = Edit::begin(of(request, "accounts")).await?;
                connector::disconnect(&edit, administrator, connector.id).await?;
                edit.commit().await?;
            }
            let edit = Edit::begin(of("deleted", "accounts")).await?;
            connector::delete(&edit, administrator, lost.id).await?;
            edit.commit().await?;
            let refused = take_back(administrator, "lost").await;
            assert!(matches!(refused, Err(Error::Conflict(Conflict::TakenSince(_)))), "it is gone: {refused:?}");

            let edit = Edit::begin(author("accounts")).await?;
            joins::join(&edit, administrator, other, &[one]).await?;
            edit.commit().await?;
            for request in ["kept", "deleted"] {
                let refused = take_back(administrator, request).await;
                assert!(matches!(refused, Err(Error::Conflict(Conflict::TakenSince(_)))), "{request}: {refused:?}");
            }
            let edit = Edit::begin(author("accounts")).await?;
            joins::separate(&edit, administrator, other, &[one]).await?;
            edit.commit().await?;
            for request in ["deleted", "lost", "kept"] {
                take_back(administrator, request).await?;
            }
            assert_eq!(number("SELECT count(*) AS number FROM connectors WHERE status = 'inactive'").await?, 0);
            Ok(())
        });
    }

    /// A connector brings an account, and binds somebody to it; then lets go of both, in two requests.
    async fn removed(operator: &crate::entry::first_start::tests::Operator) -> Result<PersonId> {
        let connector = &operator.connector;
        let entry = AccountEntry { name: Some("Acme".to_owned()), registration_id: Some("1".to_owned()) };
        put_accounts(author("portal"), connector, &vec![("a".to_owned(), Some(entry))], Run::default()).await?;
        let jane = Email::parse("jane@example.com").expect("an address");
        put_users(author("portal"), connector, &vec![("u".to_owned(), Some(jane))], Run::default()).await?;
        bind_users(author("portal"), connector, "a", &["u".to_owned()], Run::default()).await?;
        let jane = "SELECT person_id AS id FROM addresses WHERE key = 'jane@example.com'";
        let jane = Connection::lease().await?.query_one(jane, &[])?.take("id")?;
        put_users(of("users", "portal"), connector, &vec![("u".to_owned(), None)], Run::default()).await?;
        put_accounts(of("accounts", "portal"), connector, &vec![("a".to_owned(), None)], Run::default()).await?;
        assert_eq!(number("SELECT count(*) AS number FROM accounts").await?, 1);
        Ok(jane)
    }

    #[test]
    fn what_goes_comes_back_once_within_thirty_days_to_who_manages_the_owner() {
        run(async {
            let operator = first_start().await?;
            let jane = removed(&operator).await?;
            let edit = Edit::begin(author("accounts")).await?;
            let stranger = person(&edit, "stranger@example.com").await?;
            edit.commit().await?;
            let connector = Caller::Connector(operator.connector.clone());
            assert!(matches!(take_back(&signed_in(stranger), "accounts").await, Err(Error::NotFound(_))));
            assert!(matches!(take_back(&connector, "accounts").await, Err(Error::Forbidden { .. })));
            assert!(matches!(take_back(&operator.administrator, "none").await, Err(Error::NotFound(_))));
            // What others need comes first: nobody belongs to an account that is not there.
            take_back(&operator.administrator, "accounts").await?;
            take_back(&operator.administrator, "users").await?;
            assert!(matches!(take_back(&operator.administrator, "users").await, Err(Error::NotFound(_))));
            let member = "SELECT count(*) AS number FROM memberships m JOIN grants USING (account_id, person_id)
                  JOIN user_bindings USING (account_id) WHERE door = 'portal'";
            assert_eq!(number(member).await?, 1);
            assert_eq!(number("SELECT min(person_id) AS number FROM person_identities").await?, jane.number());
            // After thirty days it is forgotten, with a later removal.
            let connector = &operator.connector;
            put_accounts(of("late", "portal"), connector, &vec![("a".to_owned(), None)], Run::default()).await?;
            clock::advance(removals::KEPT + Duration::from_secs(1));
            assert!(matches!(take_back(&operator.administrator, "late").await, Err(Error::NotFound(_))));
            put_users(of("later", "portal"), connector, &vec![("u".to_owned(), None)], Run::default()).await?;
            assert_eq!(number("SELECT count(*) AS number FROM removals WHERE request_id = 'late'").await?, 0);
            Ok(())
        });
    }

    #[test]
    fn nothing_comes_back_where_a_value_is_anothers_by_now() {
        run(async {
            let operator = first_start().await?;
            removed(&operator).await?;
            let refused = async |request: &str, why: &str| {
                let before = directory(&Connection::lease().await?)?;
                let refused = take_back(&operator.administrator, request).await;
                let told = match &refused {
                    Err(Error::Conflict(conflict @ Conflict::TakenSince(_))) => conflict.to_string(),
                    _ => String::new(),
                };
                assert_eq!(told, format!("what was removed cannot come back: {why} by now"), "{request}: {refused:?}");
                assert_eq!(difference(&before, &directory(&Connection::lease().await?)?), [""; 0]);
                Ok::<_, Error>(())
            };
            let connector = &operator.connector;
            let entry = |id: &str| AccountEntry { name: Some("Acme".to_owned()), registration_id: Some(id.to_owned()) };
            // The registration id, …
            put_accounts(author("portal"), connector, &vec![("b".to_owned(), Some(entry("1")))], Run::default())
                .await?;
            refused("accounts", "a registration id leads to another account").await?;
            // … the external id, …
            put_accounts(author("portal"), connector, &vec![("b".to_owned(), None)], Run::default()).await?;
            put_accounts(author("portal"), connector, &vec![("a".to_owned(), Some(entry("2")))], Run::default())
                .await?;
            refused("accounts", "an external id means another account").await?;
            put_accounts(author("portal"), connector, &vec![("a".to_owned(), None)], Run::default()).await?;
            take_back(&operator.administrator, "accounts").await?;
            // … and the address.
            let edit = Edit::begin(author("accounts")).await?;
            person(&edit, "jane@example.com").await?;
            edit.commit().await?;
            refused("users", "somebody has an address").await
        });
    }

    #[test]
    fn who_is_erased_or_shut_out_meanwhile_does_not_come_back() {
        run(async {
            let operator = first_start().await?;
            let connector = &operator.connector;
            let edit = Edit::begin(author("accounts")).await?;
            let (erased, out) = (person(&edit, "erased@example.com").await?, person(&edit, "out@example.com").await?);
            edit.commit().await?;
            let entry = AccountEntry { name: Some("Acme".to_owned()), registration_id: Some("1".to_owned()) };
            put_accounts(author("portal"), connector, &vec![("a".to_owned(), Some(entry))], Run::default()).await?;
            let address = |name: &str| Some(Email::parse(&format!("{name}@example.com")).expect("an address"));
            let users = vec![("e".to_owned(), address("erased")), ("o".to_owned(), address("out"))];
            put_users(author("portal"), connector, &users, Run::default()).await?;
            bind_users(author("portal"), connector, "a", &["e".to_owned(), "o".to_owned()], Run::default()).await?;
            let none = vec![("e".to_owned(), None), ("o".to_owned(), None)];
            put_users(of("users", "portal"), connector, &none, Run::default()).await?;
            let kept = format!("SELECT count(*) AS number FROM removed_rows WHERE row ->> 'person_id' = {erased}");
            assert!(number(&kept).await? > 0);
            // Who asks is told of it.
            let held = erasure::export(&Connection::lease().await?, &operator.administrator, erased)?;
            let told = held.parts.into_iter().find(|(name, _)| *name == "kept").expect("a part").1;
            let mut kinds: Vec<_> = told.iter().map(|one| one["of"].as_str().expect("a kind")).collect();
            kinds.sort_unstable();
            assert_eq!(kinds, ["grants", "memberships", "person_identities"], "{told:?}");
            let edit = Edit::begin(author("accounts")).await?;
            erasure::erase(&edit, &operator.administrator, erased, None).await?;
            let acme: AccountId =
                edit.run_one("SELECT id FROM accounts WHERE registration_id = '1'", &[])?.take("id")?;
            let held = hierarchy::roles(edit.connection(), &operator.administrator, acme)?;
            let seen = members::Seen { id: out, known_as: out, known_by: None, status: members::Status::Active };
            members::add(&edit, &operator.administrator, &held, acme, seen, &[Role::Viewer]).await?;
            members::remove(&edit, &operator.administrator, &held, acme, out).await?;
            edit.commit().await?;
            assert_eq!(number(&kept).await?, 0, "nothing is kept of who was erased");
            take_back(&operator.administrator, "users").await?;
            assert_eq!(number("SELECT count(*) AS number FROM person_identities").await?, 1);
            assert_eq!(number("SELECT count(*) AS number FROM grants WHERE door = 'portal'").await?, 0);
            assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0]);
            Ok(())
        });
    }

    #[test]
    fn what_needs_something_that_is_gone_stays_away_and_the_rest_comes_back() {
        run(async {
            let operator = first_start().await?;
            removed(&operator).await?;
            // The account that the user belonged to is not there, …
            take_back(&operator.administrator, "users").await?;
            assert_eq!(number("SELECT count(*) AS number FROM person_identities").await?, 1);
            assert_eq!(number("SELECT count(*) AS number FROM user_bindings").await?, 0);
            // … and then neither is the connector.
            let edit = Edit::begin(author("accounts")).await?;
            connector::delete(&edit, &operator.administrator, operator.connector.id).await?;
            edit.commit().await?;
            take_back(&operator.administrator, "accounts").await?;
            assert_eq!(number("SELECT count(*) AS number FROM account_identities").await?, 0);
            assert_eq!(number("SELECT count(*) AS number FROM accounts").await?, 2);
            assert_eq!(contradictions(&Connection::lease().await?)?, [""; 0]);
            Ok(())
        });
    }

    #[test]
    fn a_connector_that_comes_back_tells_that_its_maker_has_lost_the_rank_meanwhile() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let (acme, maker) = (account(&edit, operator.id, "Acme").await?, person(&edit, "maker@example.com").await?);
            let held = hierarchy::roles(edit.connection(), &operator.administrator, operator.id)?;
            let seen = members::Seen { id: maker, known_as: maker, known_by: None, status: members::Status::Active };
            members::add(&edit, &operator.administrator, &held, operator.id, seen, &[Role::Admin]).await?;
            let new = "INSERT INTO connectors (account_id, client_id, secret_hash, scopes, name, rank, maker_id, created_at, updated_at)
                       VALUES (?1, 'c', 'h', '', 'Theirs', 'admin', ?2, 0, 0)";
            edit.run(new, &[acme.into(), maker.into()])?;
            edit.commit().await?;
            let edit = Edit::begin(of("deleted", "accounts")).await?;
            manage::delete(&edit, &operator.administrator, acme, &Precondition::default()).await?;
            edit.commit().await?;
            let edit = Edit::begin(author("accounts")).await?;
            members::remove(&edit, &operator.administrator, &held, operator.id, maker).await?;
            edit.commit().await?;
            take_back(&operator.administrator, "deleted").await?;
            let marked = "SELECT maker_lost_rank_at IS NOT NULL AS number FROM connectors WHERE client_id = 'c'";
            assert_eq!(number(marked).await?, 1);
            Ok(())
        });
    }

    #[test]
    fn nothing_is_kept_of_who_is_erased_when_a_joined_account_was_deleted() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let (one, other) = (account(&edit, operator.id, "One").await?, account(&edit, operator.id, "Other").await?);
            let jane = person(&edit, "jane@example.com").await?;
            edit.run("UPDATE accounts SET primary_contact = 'jane@example.com' WHERE id = ?", &[one.into()])?;
            let held = hierarchy::roles(edit.connection(), &operator.administrator, one)?;
            let seen = members::Seen {
                id: jane,
                known_as: jane,
                known_by: Some("jane@example.com".to_owned()),
                status: members::Status::Active,
            };
            members::add(&edit, &operator.administrator, &held, one, seen, &[Role::User]).await?;
            joins::join(&edit, &operator.administrator, other, &[one]).await?;
            edit.commit().await?;
            let edit = Edit::begin(of("deleted", "accounts")).await?;
            manage::delete(&edit, &operator.administrator, other, &Precondition::default()).await?;
            edit.commit().await?;
            let told = "SELECT count(*) AS number FROM removed_rows WHERE row LIKE '%jane@example.com%'";
            assert!(number(told).await? > 0);
            let edit = Edit::begin(author("accounts")).await?;
            erasure::erase(&edit, &operator.administrator, jane, None).await?;
            edit.commit().await?;
            assert_eq!(number(told).await?, 0);
            Ok(())
        });
    }

    #[test]
    fn an_account_that_somebody_deleted_comes_back_with_all_that_it_had() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let acme = account(&edit, operator.id, "Acme").await?;
            let (boss, manager) =
                (person(&edit, "boss@example.com").await?, person(&edit, "manager@example.com").await?);
            members::found(&edit, acme, boss).await?;
            let held = hierarchy::roles(edit.connection(), &operator.administrator, operator.id)?;
            let seen =
                members::Seen { id: manager, known_as: manager, known_by: None, status: members::Status::Active };
            members::add(&edit, &operator.administrator, &held, operator.id, seen, &[Role::Manage]).await?;
            edit.run("INSERT INTO packages (owner_id, name, is_default) VALUES (?, 'P', 1)", &[acme.into()])?;
            edit.commit().await?;
            let before = directory(&Connection::lease().await?)?;
            let edit = Edit::begin(of("deleted", "accounts")).await?;
            manage::delete(&edit, &signed_in(boss), acme, &Precondition::default()).await?;
            edit.commit().await?;
            assert_eq!(number("SELECT count(*) AS number FROM accounts").await?, 1);
            let refused = take_back(&signed_in(manager), "deleted").await;
            assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
            take_back(&operator.administrator, "deleted").await?;
            assert_eq!(difference(&before, &directory(&Connection::lease().await?)?), [""; 0]);
            Ok(())
        });
    }
}
