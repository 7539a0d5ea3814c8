//! What is exported and imported is the same, whatever is in the directory and wherever an import was cut off.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rusqlite::Connection as Database;

use super::export::Export;
use super::import::{self, Import, Progress};
use super::operator::authenticate;
use super::sections::{LEFT_OUT, SECTIONS};
use super::under_way;
use crate::entry::first_start::tests::{author, calling_connector, first_start, person};
use crate::error::{Conflict, Error, Result, Unauthenticated};
use crate::store::native::{run, with_database};
use crate::store::{Connection, Edit, migration};
use crate::values::id::Id as _;

const NAME: &str = "admin@example.com";
const PASSWORD: &str = "correct horse battery staple";

#[test]
fn every_table_and_every_column_is_told_or_named_as_left_out() {
    let store = migration::in_memory();
    let list = |sql: &str| -> BTreeSet<String> {
        let mut statement = store.prepare(sql).expect(sql);
        statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("texts")
    };
    // An index of words is made of what is told.
    let tables = list(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    for table in &tables {
        let told: Vec<_> = SECTIONS.iter().filter(|section| section.table == *table).collect();
        assert_ne!(told.is_empty(), !LEFT_OUT.contains(&table.as_str()), "{table} is either told or left out");
        if told.is_empty() {
            continue;
        }
        let columns: BTreeSet<_> =
            told.iter().flat_map(|section| section.columns).map(|column| (*column).to_owned()).collect();
        assert_eq!(columns, list(&format!("SELECT name FROM pragma_table_info('{table}')")), "{table}");
        for section in told {
            let key = list(&format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0"));
            assert_eq!(
                section.columns[..section.key].iter().map(|column| (*column).to_owned()).collect::<BTreeSet<_>>(),
                key
            );
        }
    }
    assert!(SECTIONS.iter().all(|section| tables.contains(section.table)));
    let blobs = list(
        "SELECT t.name || '.' || c.name FROM pragma_table_list t, pragma_table_info(t.name) c
          WHERE t.schema = 'main' AND t.type = 'table' AND c.type = 'BLOB' AND t.name <> 'refresh_tokens'",
    );
    assert_eq!(blobs, BTreeSet::from(["links.digest".to_owned()]), "these are told as hexadecimal digits");
}

/// Runs a test in an Accord of its own, beside the one of the test that asks.
fn elsewhere<T: Send>(test: impl AsyncFnOnce() -> Result<T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut done = None;
            run(async {
                first_start().await?;
                done = Some(test().await?);
                Ok(())
            });
            done.expect("it ran to its end")
        });
        thread.join().expect("no panic")
    })
}

/// The whole export, and of how many parts it was.
async fn exported() -> Result<(String, usize)> {
    let (mut lines, mut next, mut parts) = (String::new(), None, 0);
    loop {
        let operator = authenticate(&Connection::lease().await?, NAME, PASSWORD, None).await?;
        let mut export = Export::begin(author("accounts"), &operator, next.as_deref()).await?;
        parts += 1;
        while let Some(more) = export.lines()? {
            lines.push_str(&more);
        }
        let last = lines.lines().last().expect("a line").to_owned();
        let Some(mark) = last.strip_prefix(r#"{"next":""#).and_then(|mark| mark.strip_suffix(r#""}"#)) else {
            return Ok((lines, parts));
        };
        next = Some(mark.to_owned());
        lines.truncate(lines.len() - last.len() - 1);
    }
}

async fn begun(first: i64) -> Result<Import> {
    Import::begin(NAME, PASSWORD, None, "a request", first).await
}

/// Imports lines of an export from the first of them on, and as far as that goes.
async fn imported(lines: &str) -> Result<Progress> {
    let mut import = begun(1).await?;
    for line in lines.lines() {
        import.take(line.as_bytes()).await?;
    }
    import.finish().await
}

/// Fills the directory: each table has rows, with texts and numbers that `dice` gives.
#[expect(clippy::too_many_lines, reason = "a statement for each table")]
fn fill(store: &Database, texts: &[String], numbers: &[i64]) {
    let text = |index: usize| texts[index % texts.len()].clone();
    let number = |index: usize| numbers[index % numbers.len()];
    for n in 1..=40_usize {
        let id = i64::try_from(n).expect("it is small") * 3 + 10;
        let owner = if n < 3 { 1 } else { (id - 10) / 6 * 3 + 10 };
        let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            store.execute(sql, parameters).unwrap_or_else(|error| panic!("{error}: {sql}"));
        };
        let inactive = n % 5 == 0;
        run(
            "INSERT INTO accounts (id, owner_id, account_key, registration_id, status, name, name_key, description, subdomain, origin,
                                   created_at, updated_at, suspended_from_above, people_name, registration_number)
             VALUES (?1, ?2, 'k' || ?1, 'r' || ?1, iif(?3, 'inactive', 'active'), ?4, ?4, ?5, 's' || ?1, 'accounts', ?6, 0, ?3, ?4, ?5)",
            &[&id, &owner, &inactive, &text(n), &text(n + 1), &number(n)],
        );
        run("INSERT INTO packages (id, owner_id, name, is_default) VALUES (?1, ?1, ?2, 1)", &[&id, &text(n)]);
        run("UPDATE accounts SET package_id = ?1, suspended_by = iif(?2, 1, NULL) WHERE id = ?1", &[&id, &inactive]);
        run(
            "INSERT INTO people (id, uuid, name, password_hash, origin, created_at, updated_at, erased_at)
             VALUES (?1, 'u' || ?1, ?2, ?3, 'portal', ?4, ?4, iif(?1 % 7 = 0, 1, NULL))",
            &[&id, &text(n), &text(n + 2), &number(n)],
        );
        run(
            "INSERT INTO connectors (id, account_id, client_id, secret_hash, scopes, name, last_failure, created_at, updated_at, maker_id)
             VALUES (?1, ?1, 'c' || ?1, ?2, '*', ?2, ?3, ?4, 0, ?1)",
            &[&id, &text(n), &text(n + 1), &number(n)],
        );
        run(
            "INSERT INTO addresses (key, address, person_id, proved_at, retired_at, next_id)
             VALUES (?2 || ?1, ?2, ?1, 1, iif(?1 % 2, 2, NULL), iif(?1 % 2, ?1, NULL))",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO usernames (account_id, key, name, person_id, kind) VALUES (?1, ?2, ?2, ?1, 'name')",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO records (id, uuid, account_id, person_id, name, email, email_key, created_at, updated_at)
             VALUES (?1, 'r' || ?1, ?1, ?1, ?2, ?2, ?2, ?3, 0)",
            &[&id, &text(n), &number(n)],
        );
        run(
            "INSERT INTO memberships (account_id, person_id, status, created_at, updated_at, known_as, known_by)
             VALUES (?1, ?1, 'invited', ?2, 0, 4503599627370496 + ?1, ?3)",
            &[&id, &number(n), &text(n)],
        );
        for role in ["owner", "viewer"] {
            run(
                "INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
                 VALUES (?1, ?1, 'portal', ?2, ?3, 0)",
                &[&id, &role, &text(n)],
            );
        }
        run(
            "INSERT INTO account_identities (connector_id, external_id, account_id, created_at, name) VALUES (?1, ?2, ?1, 0, ?3)",
            &[&id, &text(n), &text(n + 1)],
        );
        run(
            "INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key) VALUES (?1, ?2, ?1, 0, ?3)",
            &[&id, &text(n), &text(n + 1)],
        );
        run(
            "INSERT INTO user_bindings (connector_id, external_id, account_id, created_at) VALUES (?1, ?2, ?1, 0)",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at)
             VALUES (randomblob(32), 'invitation', ?1, ?1, ?2, ?2, 0, ?3)",
            &[&id, &text(n), &number(n)],
        );
        run("INSERT INTO different_accounts (account_id, other_id) VALUES (1, ?1)", &[&id]);
        run(
            "INSERT INTO joined_accounts (id, account_key, subdomain, account_id, into_id, joined_at)
             VALUES (?1 + 1, 'j' || ?1, 'j' || ?1, ?1, ?1, ?2)",
            &[&id, &number(n)],
        );
        run(
            "INSERT INTO joined_rows (joined_id, kind, row) VALUES (?1 + 1, 'grants', json_object('person', ?1, 'text', ?2))",
            &[&id, &text(n)],
        );
        run("INSERT INTO joined_registration_ids (registration_id, joined_id) VALUES (?2, ?1 + 1)", &[&id, &text(n)]);
        run(
            "INSERT INTO removals (request_id, owner_id, kind, open, at) VALUES (?2, ?1, 'sync', 0, 0)",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO removed_rows (removal_id, kind, row)
             SELECT max(id), 'people', json_object('person_id', ?1, 'name', ?2) FROM removals",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO precedences (owner_id, field, position, source, connector_id) VALUES (?1, 'name', 1, 'connector', ?1)",
            &[&id],
        );
        run(
            "INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
             VALUES (0, 'system', 'portal', 'created', 'accounts', ?1, json_object('after', ?2), 'r', ?1)",
            &[&id, &text(n)],
        );
        run(
            "INSERT INTO refresh_tokens (digest, family, person_id, scopes, created_at, expires_at)
             VALUES (randomblob(32), 'f', ?1, '', 0, 0)",
            &[&id],
        );
    }
    store
        .execute_batch(
            "UPDATE people SET leads_to = 130, password_hash = NULL WHERE id = 13; DELETE FROM packages WHERE id > 200;
             UPDATE accounts SET owner_id = 130, registration_id = 'r13' WHERE id = 127; UPDATE accounts SET owner_id = 100 WHERE id = 70",
        )
        .expect("it is written");
    // What was deleted keeps its id.
    store
        .execute_batch(
            "INSERT INTO people (id, uuid, origin, created_at, updated_at) VALUES (999, 'gone', 'portal', 0, 0);
             DELETE FROM people WHERE id = 999",
        )
        .expect("it is written");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_imported_and_exported_again_is_the_same_wherever_it_was_cut_off(
        texts in proptest::collection::vec("[^\0]{1,12}", 50..60),
        numbers in proptest::collection::vec(any::<i64>(), 5..9),
        cuts in proptest::collection::vec(1..600_usize, 3),
    ) {
        // Texts that are unique where they have to be.
        let texts: Vec<_> = texts.into_iter().enumerate().map(|(n, text)| format!("{n}{text}")).collect();
        let first = elsewhere(async || {
            with_database(|store| fill(store, &texts, &numbers));
            let (lines, parts) = exported().await?;
            assert!(parts > 50, "it goes over many requests");
            Ok(lines)
        });
        let again = elsewhere(async || {
            for cut in cuts {
                let mut import = begun(1).await?;
                for line in first.lines().take(cut.min(first.lines().count() - 1)) {
                    import.take(line.as_bytes()).await?;
                }
                // Dropped, as by a kill: what was not taken for good comes again.
            }
            let progress = imported(&first).await?;
            assert!(!progress.is_under_way);
            with_database(|store| {
                let left: i64 = store
                    .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'import%'", [], |row| row.get(0))
                    .expect("a number");
                let broken: i64 =
                    store.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).expect("a number");
                assert_eq!((left, broken), (0, 0));
                let next: i64 = store
                    .query_row("INSERT INTO people (uuid, origin, created_at, updated_at) VALUES ('new', 'portal', 0, 0) RETURNING id",
                               [], |row| row.get(0))
                    .expect("a person");
                assert_eq!(next, 1000, "no id is given out twice");
                store.execute_batch("DELETE FROM people WHERE id = 1000; UPDATE sqlite_sequence SET seq = 999 WHERE name = 'people'")
                    .expect("it is as before");
            });
            Ok(exported().await?.0)
        });
        prop_assert_eq!(&first, &again);
    }
}

/// An export of a directory with an account in it.
fn an_export() -> String {
    elsewhere(async || {
        let edit = Edit::begin(author("accounts")).await?;
        let operator = crate::values::id::AccountId::from_number(1);
        crate::entry::first_start::tests::account(&edit, operator, "Acme").await?;
        edit.commit().await?;
        Ok(exported().await?.0)
    })
}

#[test]
fn whoever_does_not_own_the_operator_account_exports_and_imports_nothing() {
    run(async {
        first_start().await?;
        let edit = Edit::begin(author("accounts")).await?;
        person(&edit, "other@example.com").await?;
        edit.run(
            "UPDATE people SET password_hash = (SELECT password_hash FROM people WHERE id = 1) WHERE id = 2",
            &[],
        )?;
        edit.commit().await?;
        let connection = Connection::lease().await?;
        let refused = authenticate(&connection, "other@example.com", PASSWORD, None).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
        for (name, password) in [
            (NAME, "wrong"),
            ("nobody@example.com", PASSWORD),
            // The connector of the first start, which holds everything.
            ("bootstrap", "a secret of the tests, as long as one that is made at random"),
        ] {
            let refused = authenticate(&connection, name, password, None).await;
            assert!(
                matches!(refused, Err(Error::Unauthenticated(Unauthenticated::InvalidCredentials))),
                "{name}: {refused:?}"
            );
            let refused = Import::begin(name, password, None, "a request", 1).await.map(drop);
            assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{name}: {refused:?}");
        }
        Ok(())
    });
}

#[test]
fn an_export_tells_that_the_directory_was_changed_meanwhile_and_nobody_makes_up_where_to_go_on() {
    run(async {
        first_start().await?;
        let operator = authenticate(&Connection::lease().await?, NAME, PASSWORD, None).await?;
        let mut export = Export::begin(author("accounts"), &operator, None).await?;
        let (mut lines, mut next) = (String::new(), None);
        while let Some(more) = export.lines()? {
            next = more.strip_prefix(r#"{"next":""#).and_then(|mark| mark.strip_suffix("\"}\n")).map(str::to_owned);
            lines.push_str(&more);
        }
        assert!(next.is_some(), "{lines}");
        let edit = Edit::begin(author("accounts")).await?;
        person(&edit, "meanwhile@example.com").await?;
        edit.record("created", "people", &[(2, serde_json::Value::Null)]).await?;
        edit.commit().await?;
        let mut last = String::new();
        while let Some(mark) = next.take() {
            let mut export = Export::begin(author("accounts"), &operator, Some(&mark)).await?;
            while let Some(more) = export.lines()? {
                next = more.strip_prefix(r#"{"next":""#).and_then(|mark| mark.strip_suffix("\"}\n")).map(str::to_owned);
                last = more;
            }
        }
        assert_eq!(last, "{\"changed\":true}\n");
        for made_up in ["", "x", "WzAsW10sMSwwLDFd"] {
            let refused = Export::begin(author("accounts"), &operator, Some(made_up)).await.map(drop);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{made_up}");
        }
        Ok(())
    });
}

#[test]
fn a_line_that_cannot_be_taken_is_named_and_those_before_it_stay_as_they_were() {
    let good = an_export();
    let lines: Vec<_> = good.lines().collect();
    let found = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
    let (acme, grant) = (found(r#"{"accounts":{"id":2"#), found(r#"{"grants""#));
    let with = |at: usize, line: &str| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        line.clone_into(&mut lines[at]);
        (at + 1, lines.join("\n"))
    };
    let acme_as = |from: &str, to: &str| with(acme, &lines[acme].replace(from, to));
    for ((number, text), why) in [
        (with(0, lines[1]), "must be the first line of an export"),
        (with(0, r#"{"accord":"directory","format":2,"schema":1}"#), "is of a form that this release does not know"),
        (with(0, r#"{"accord":"directory","format":1,"schema":1}"#), "is of the schema 1, and this release has "),
        (with(acme, "{"), "is not JSON"),
        (with(acme, "[]"), "is no object of JSON"),
        (with(acme, "{}"), "is no row"),
        (with(acme, lines[0]), "is the first line of an export, and not the first here"),
        (with(acme, r#"{"migrations":{"version":1}}"#), r#"has rows of "migrations", which is no section"#),
        (with(acme, r#"{"changed":true}"#), "says that the directory was changed"),
        (with(acme, r#"{"next":"x"}"#), "says that there is more to export"),
        (with(acme, r#"{"end":{"lines":1,"ids":{}}}"#), "is the last of 1 lines, and "),
        (with(acme, r#"{"end":{}}"#), "is no last line of an export"),
        (acme_as(r#""name":"Acme""#, r#""name":{}"#), "has something else than a text or a whole number as name"),
        (
            acme_as(r#""name":"Acme""#, r#""name":"a\u0000b""#),
            "has something else than a text or a whole number as name",
        ),
        (acme_as(r#""name":"Acme""#, r#""nom":"Acme""#), r#"has "nom", which is no column of accounts"#),
        (acme_as(r#""name":"Acme","#, ""), "lacks a value that its table needs"),
        (acme_as(r#""owner_id":1"#, r#""owner_id":7"#), "refers to a row that has not come"),
        (acme_as(r#""owner_id":1"#, r#""owner_id":"x""#), "has a value of another type than its column"),
        (with(acme + 1, lines[acme]), "has the same accounts.id as a row that has come"),
        (acme_as(r#""status":"active""#, r#""status":"asleep""#), "has a value that its table does not take"),
        (
            with(grant, &lines[grant].replace(r#""person_id":1"#, r#""person_id":8"#)),
            "refers to a row that has not come",
        ),
        (with(lines.len() - 2, r#"{"accounts_later":{"id":77,"package_id":1}}"#), "completes a row that has not come"),
    ] {
        elsewhere(async || {
            let error = imported(&text).await.expect_err(why);
            let Error::Invalid(faults) = &error else { panic!("{why}: {error:?}") };
            let (field, told) = faults.shown().iter().next().expect("a fault");
            assert_eq!(field, &format!("line {number}"), "{told}");
            assert!(told.starts_with(why), "{told}");
            // What is right goes on from where it was.
            let taken = import::progress(&Connection::lease().await?, NAME, PASSWORD, None).await?.lines;
            assert!(taken < i64::try_from(number).expect("it is small"), "{taken}");
            imported(&good).await?;
            assert_eq!(exported().await?.0, good);
            Ok(())
        });
    }
}

#[test]
fn a_directory_that_nobody_could_use_is_not_opened() {
    let good = an_export();
    let lines: Vec<_> = good.lines().collect();
    let found = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
    let acme = found(r#"{"accounts":{"id":2"#);
    let owner = |line: &&str| line.starts_with(r#"{"grants""#) && line.contains(r#""role":"owner""#);
    let grant = lines.iter().position(owner).expect("a grant");
    let with = |at: usize, from: &str, to: &str| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replace(from, to);
        lines.join("\n")
    };
    let last = lines.len() - 1;
    // Two accounts that own each other.
    let count = |number: usize| format!(r#""lines":{number}"#);
    let mut circle: Vec<_> = with(acme, r#""owner_id":1"#, r#""owner_id":3"#).lines().map(str::to_owned).collect();
    for line in circle.iter_mut().filter(|line| line.starts_with(r#"{"accounts_later":{"id":2"#)) {
        *line = line.replace(r#""owner_id":1"#, r#""owner_id":3"#);
    }
    let other = lines[acme].replace(r#""id":2"#, r#""id":3"#).replace(r#""owner_id":1"#, r#""owner_id":2"#);
    circle.insert(
        acme + 1,
        other
            .replace(r#""account_key":""#, r#""account_key":"x"#)
            .replace(r#""registration_id":""#, r#""registration_id":"x"#),
    );
    let circle = circle.join("\n").replace(&count(lines.len() - 1), &count(lines.len()));
    for (text, why) in [
        (circle, "ends an export in which an account does not hang"),
        (with(grant, r#""role":"owner""#, r#""role":"viewer""#), "ends an export in which nobody can sign in"),
        (with(last, r#""ids":{"#, r#""ids":{"records":9223372036854775807,"#), "is no last line of an export"),
    ] {
        elsewhere(async || {
            let error = imported(&text).await.expect_err(why);
            let Error::Invalid(faults) = &error else { panic!("{why}: {error:?}") };
            assert!(faults.shown().values().all(|told| told.starts_with(why)), "{:?}", faults.shown());
            assert!(import::progress(&Connection::lease().await?, NAME, PASSWORD, None).await?.is_under_way);
            Ok(())
        });
    }
}

#[test]
fn while_an_import_is_under_way_nobody_signs_in_and_nobody_else_writes() {
    let good = an_export();
    elsewhere(async || {
        let lines: Vec<_> = good.lines().collect();
        let mut import = begun(1).await?;
        for line in &lines[..lines.len() - 1] {
            import.take(line.as_bytes()).await?;
        }
        let progress = import.finish().await?;
        assert_eq!(
            progress,
            Progress { lines: i64::try_from(lines.len() - 1).expect("it is small"), is_under_way: true }
        );
        // Everything is here but the last line.
        let connection = Connection::lease().await?;
        assert!(matches!(calling_connector().await, Err(Error::Unauthenticated(_))));
        assert!(matches!(authenticate(&connection, NAME, PASSWORD, None).await, Err(Error::Unavailable { .. })));
        assert!(matches!(under_way::refuse(&connection), Err(Error::Unavailable { .. })));
        for write in [
            "INSERT INTO people (uuid, origin, created_at, updated_at) VALUES ('x', 'portal', 0, 0)",
            "UPDATE accounts SET name = 'x'",
            "DELETE FROM audit",
            "INSERT INTO refresh_tokens (digest, family, person_id, scopes, created_at, expires_at) VALUES (x'00', 'f', 1, '', 0, 0)",
        ] {
            let refused = connection.execute(write, Vec::new()).await;
            assert!(matches!(refused, Err(Error::Unavailable { .. })), "{write}: {refused:?}");
        }
        // Who did not begin it does not go on with it, and nobody leaves lines out.
        for (name, password) in [(NAME, "wrong"), ("other@example.com", PASSWORD)] {
            let refused = Import::begin(name, password, None, "a request", 1).await.map(drop);
            assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{name}");
        }
        assert!(matches!(begun(progress.lines + 2).await.map(drop), Err(Error::Invalid(_))));
        // Two who go on at the same time do not both.
        let (mut one, mut other) = (begun(progress.lines + 1).await?, begun(progress.lines + 1).await?);
        let last = lines[lines.len() - 1].as_bytes();
        one.take(last).await?;
        let refused = other.take(last).await;
        assert!(matches!(refused, Err(Error::Conflict(Conflict::ImportedElsewhere))), "{refused:?}");
        assert!(matches!(one.take(b"{}").await, Err(Error::Invalid(_))), "nothing comes after the last line");
        assert_eq!(one.finish().await?, Progress { lines: progress.lines + 1, is_under_way: false });
        calling_connector().await?;
        let refused = imported(&good).await;
        assert!(matches!(refused, Err(Error::Conflict(Conflict::NotEmpty))), "{refused:?}");
        Ok(())
    });
}
