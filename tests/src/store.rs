//! The database of the directory, seen from outside.

use std::path::Path;
use std::time::Duration;

use regex::Regex;
use rusqlite::{Connection, Params, Row};

/// The database of the directory.
pub struct Store(Connection);

impl Store {
    pub(crate) fn open(file: &Path) -> Self {
        let store = Connection::open(file).expect("the store opens");
        store.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
        Self(store)
    }

    /// Runs a statement.
    pub fn execute(&self, sql: &str, parameters: impl Params) -> usize {
        self.0.execute(sql, parameters).expect("the statement runs")
    }

    /// Whether the database refuses a statement.
    pub fn refuses(&self, sql: &str) -> bool {
        self.0.execute(sql, []).is_err()
    }

    /// A number.
    pub fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).expect("the query answers with a number")
    }

    /// Rows of text, a line each, with a bar between the columns.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(sql).expect("the query is valid");
        let columns = statement.column_count();
        let line = |row: &Row<'_>| -> rusqlite::Result<String> {
            let column = |index| row.get::<_, Option<String>>(index).map(|text| text.unwrap_or_else(|| "-".to_owned()));
            Ok((0..columns).map(column).collect::<rusqlite::Result<Vec<_>>>()?.join(" | "))
        };
        let lines = statement.query_map([], line).expect("the query runs");
        lines.collect::<rusqlite::Result<_>>().expect("the columns are text")
    }

    /// All rows of all tables but these, a line each. What FTS5 has written of them is as its history is.
    pub fn dump(&self, without: &[&str]) -> Vec<String> {
        let tables = self.lines(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        );
        let rows = tables.iter().filter(|table| !without.contains(&table.as_str())).flat_map(|table| {
            let columns = self.lines(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
            self.lines(&format!("SELECT '{table}', {} FROM {table} ORDER BY 2, 3", columns.join(", ")))
        });
        rows.collect()
    }

    /// What SQLite would do for a statement, a line per step. A sort inside of a subquery says so.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement is valid");
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let step = |row: &Row<'_>| {
            // The program of what a foreign key does has no name.
            let (parent, step) = (row.get::<_, i64>(1)?, row.get::<_, Option<String>>(3)?.unwrap_or_default());
            let sorts_within = parent != 0 && step.contains("TEMP B-TREE");
            Ok(if sorts_within { format!("WITHIN: {step}") } else { step })
        };
        let steps = statement.query_map(rusqlite::params_from_iter(nothing), step).expect("it explains");
        steps.collect::<rusqlite::Result<_>>().expect("a plan is text")
    }

    /// The statements of all triggers, as if the rows that they are about were bound.
    pub fn triggered(&self) -> Vec<String> {
        let bound = Regex::new(r"\b(?:new|old)\.\w+|RAISE\([^)]*\)").expect("a valid pattern");
        let triggers = self.lines("SELECT sql FROM sqlite_schema WHERE type = 'trigger'");
        let statements = triggers.iter().flat_map(|trigger| {
            let (_, body) = trigger.split_once(" BEGIN").expect("a trigger has a body");
            let body = body.trim_end().trim_end_matches("END");
            body.split(';').map(str::trim).filter(|statement| !statement.is_empty())
        });
        statements.map(|statement| bound.replace_all(statement, "?").into_owned()).collect()
    }

    /// What contradicts itself in the directory, a line each: nothing ever should, whatever came at the same time.
    pub fn contradictions(&self) -> Vec<String> {
        let proved = "d.proved_at IS NOT NULL AND d.retired_at IS NULL";
        [
            format!(
                "SELECT 'confined with a proved address: ' || p.id FROM people p JOIN addresses d ON d.person_id = p.id
                  WHERE p.confined = 1 AND {proved}"
            ),
            "SELECT 'leads on and has something: ' || p.id FROM people p
              WHERE p.leads_to IS NOT NULL AND (
                    EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id)
                    OR EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = p.id)
                    OR EXISTS (SELECT 1 FROM addresses d WHERE d.next_id = p.id)
                    OR EXISTS (SELECT 1 FROM person_identities i WHERE i.person_id = p.id))"
                .to_owned(),
            "SELECT 'leads to one that leads on: ' || p.id FROM people p JOIN people t ON t.id = p.leads_to
              WHERE t.leads_to IS NOT NULL"
                .to_owned(),
            "SELECT 'works without a grant: ' || m.account_id || ' ' || m.person_id FROM memberships m
              WHERE m.status IN ('invited', 'awaiting', 'active') AND NOT EXISTS (
                    SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id)"
                .to_owned(),
            "SELECT 'out, and has grants: ' || m.account_id || ' ' || m.person_id FROM memberships m
              WHERE m.status IN ('removed', 'refused') AND EXISTS (
                    SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id)"
                .to_owned(),
            // Whoever founded an account can come in, or another owner can.
            format!(
                "SELECT 'nobody can come in as an owner: ' || a.id FROM accounts a
                  WHERE EXISTS (SELECT 1 FROM audit e WHERE e.subject = 'memberships' AND e.action = 'granted'
                                   AND (e.detail ->> 'account') = a.id AND (e.detail ->> 'door') = 'founder')
                    AND NOT EXISTS (
                        SELECT 1 FROM memberships m
                          JOIN grants g ON g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner'
                          JOIN people p ON p.id = m.person_id
                         WHERE m.account_id = a.id AND m.status = 'active' AND m.entered_at IS NOT NULL AND (
                               EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = p.id AND {proved})
                               OR p.confined = 1 AND EXISTS (
                                  SELECT 1 FROM usernames n WHERE n.person_id = p.id AND n.account_id = a.id)))"
            ),
            "SELECT 'a reference to nothing: ' || \"table\" FROM pragma_foreign_key_check".to_owned(),
            "SELECT 'kept, though it is shown: ' || i.external_id FROM account_identities i JOIN accounts a ON a.id = i.account_id
              WHERE i.name = a.name OR i.registration_id = a.registration_id"
                .to_owned(),
            // Of one owner, whatever a source calls an account by leads to that one alone.
            "SELECT 'leads to two accounts: ' || id FROM (
                 SELECT owner_id, id AS account, registration_id AS id FROM accounts
                 UNION SELECT owner_id, id, people_registration_id FROM accounts
                 UNION SELECT owner_id, id, above_registration_id FROM accounts
                 UNION SELECT a.owner_id, a.id, i.registration_id
                   FROM account_identities i JOIN accounts a ON a.id = i.account_id
                 UNION SELECT a.owner_id, a.id, r.registration_id FROM joined_registration_ids r
                   JOIN joined_accounts j ON j.id = r.joined_id JOIN accounts a ON a.id = j.account_id)
              WHERE id IS NOT NULL GROUP BY owner_id, id HAVING count(*) > 1"
                .to_owned(),
            "SELECT 'an account, and joined into one: ' || a.id FROM joined_accounts j JOIN accounts a ON a.id = j.id".to_owned(),
            "SELECT 'a subdomain of two: ' || j.subdomain FROM joined_accounts j JOIN accounts a ON a.subdomain = j.subdomain".to_owned(),
            "SELECT 'counts others than it owns: ' || id FROM accounts a WHERE descendants <> (
                 WITH RECURSIVE owned(id) AS (
                     SELECT o.id FROM accounts o WHERE o.owner_id = a.id
                     UNION ALL SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
                 SELECT count(*) FROM owned)"
                .to_owned(),
            "SELECT 'shared by others than it says: ' || owner_id || ' ' || kind || ' ' || key FROM (
             SELECT * FROM (SELECT * FROM shared_keys_now EXCEPT SELECT * FROM shared_keys)
             UNION SELECT * FROM (SELECT * FROM shared_keys EXCEPT SELECT * FROM shared_keys_now))"
            .to_owned(),
            "SELECT 'entered, and is found otherwise: ' || person_id FROM (
             SELECT * FROM (SELECT * FROM entered_people_now EXCEPT SELECT * FROM entered_people)
             UNION SELECT * FROM (SELECT * FROM entered_people EXCEPT SELECT * FROM entered_people_now))"
            .to_owned(),
            "SELECT 'bound by a connector of another account: ' || i.external_id FROM account_identities i
               JOIN connectors c ON c.id = i.connector_id JOIN accounts a ON a.id = i.account_id WHERE a.owner_id <> c.account_id"
                .to_owned(),
        ]
        .iter()
        .chain(&[shown("name", "name"), shown("registrationId", "registration_id")])
        .flat_map(|sql| self.lines(sql))
        .chain(self.other_words())
        .collect()
    }

    /// The indexes of words that have others than what they are of, a line each.
    fn other_words(&self) -> Vec<String> {
        let indexes = self.lines("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'");
        let compare = |index: &String| {
            // FTS5 compares, and fails if they differ.
            self.0.execute(&format!("INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"), []).err()
        };
        let differs = |index: String| compare(&index).map(|error| format!("an index of other words: {index}: {error}"));
        indexes.into_iter().filter_map(differs).collect()
    }

    /// Has the accounts count again what they own, after a test has moved or made some by itself.
    pub fn recount(&self) {
        self.execute(
            "UPDATE accounts SET descendants = (
                 WITH RECURSIVE owned(id) AS (
                     SELECT o.id FROM accounts o WHERE o.owner_id = accounts.id
                     UNION ALL SELECT o.id FROM owned JOIN accounts o ON o.owner_id = owned.id)
                 SELECT count(*) FROM owned)",
            (),
        );
    }
}

/// The query for accounts that show another value than the word that comes first, a line each: told in other words than Accord's.
fn shown(field: &str, column: &str) -> String {
    format!(
        "SELECT 'shows what does not come first: ' || a.id || ' ' || a.{column} FROM accounts a WHERE a.{column} <> (
             SELECT word FROM (
                 SELECT 1 AS usual, 'people' AS source, NULL AS connector, NULL AS at, NULL AS id, a.people_{column} AS word
                 UNION ALL SELECT 2, 'above', NULL, NULL, NULL, a.above_{column}
                 UNION ALL SELECT 3, 'connector', i.connector_id, i.created_at, i.external_id, coalesce(i.{column}, a.{column})
                   FROM account_identities i WHERE i.account_id = a.id
                    AND NOT EXISTS (SELECT 1 FROM connectors c WHERE c.id = i.connector_id AND c.status = 'inactive')) words
              WHERE word IS NOT NULL
              ORDER BY coalesce((SELECT position FROM precedences p WHERE p.owner_id = a.owner_id AND p.field = '{field}'
                                    AND p.source = words.source AND coalesce(p.connector_id, 0) = coalesce(words.connector, 0)), 1000),
                       usual, at, connector, id LIMIT 1)"
    )
}
