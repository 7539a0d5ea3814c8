//! What the text of a statement tells of it.

/// What comes before a statement for SQLite: space, semicolons, a byte order mark and comments.
fn code(statement: &str) -> &str {
    let mut rest = statement;
    loop {
        rest = rest
            .trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ';' || letter == '\u{feff}');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            return rest;
        }
    }
}

/// The first word, and what follows it.
fn words(statement: &str) -> (&str, &str) {
    let code = code(statement);
    let end = code.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(code.len());
    code.split_at(end)
}

fn begins_with(statement: &str, any_of: &[&str]) -> bool {
    let (first, _) = words(statement);
    any_of.iter().any(|word| word.eq_ignore_ascii_case(first))
}

/// Whether it is sure to be one statement and no more, which is run and not explained.
pub(super) fn is_one(statement: &str) -> bool {
    let follows = code(statement).split_once(';').map_or("", |(_, follows)| follows);
    !begins_with(statement, &["EXPLAIN"]) && code(follows).is_empty()
}

/// Whether it can be a query.
pub(super) fn may_read(statement: &str) -> bool {
    begins_with(statement, &["SELECT", "WITH"])
}

/// Whether it takes the write lock.
pub(super) fn writes(statement: &str) -> bool {
    let begins = begins(statement);
    changes_rows(statement)
        || begins_with(statement, &["CREATE", "DROP", "ALTER"])
        || begins.is_some_and(|how| how.eq_ignore_ascii_case("IMMEDIATE") || how.eq_ignore_ascii_case("EXCLUSIVE"))
}

/// Whether it changes rows, and nothing else.
pub(super) fn changes_rows(statement: &str) -> bool {
    begins_with(statement, &["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"])
}

/// Whether it can change rows in a time that its parameters bound. What a `DELETE` takes with it nothing bounds, nor a `REPLACE`.
pub(super) fn may_change_few_rows(statement: &str) -> bool {
    begins_with(statement, &["INSERT", "UPDATE", "WITH"])
}

/// How it begins a transaction, if it does.
pub(super) fn begins(statement: &str) -> Option<&str> {
    let (first, rest) = words(statement);
    first.eq_ignore_ascii_case("BEGIN").then(|| words(rest).0)
}

/// What a PRAGMA asks or tells, if it is one.
pub(super) fn pragma(statement: &str) -> Option<&str> {
    let (first, rest) = words(statement);
    first.eq_ignore_ascii_case("PRAGMA").then(|| words(rest).0)
}

/// Whether it makes what may be the connection's own, such as a temporary table.
pub(super) fn makes(statement: &str) -> bool {
    begins_with(statement, &["CREATE"])
}

/// Whether it leaves a connection as it is, but for what it is in the midst of.
pub(super) fn leaves_no_trace(statement: &str) -> bool {
    const TRANSACTIONS: [&str; 6] = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    const OTHERS: [&str; 7] = ["VALUES", "DROP", "ALTER", "ANALYZE", "REINDEX", "VACUUM", ""];
    may_read(statement)
        || changes_rows(statement)
        || begins_with(statement, &TRANSACTIONS)
        || begins_with(statement, &OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_statement_hides_nothing() {
        for before in ["", " \n", "/* x */ ", "-- x\n", ";; ", "\u{feff}", "/* a */ -- b\n ; "] {
            assert_eq!(pragma(&format!("{before}pragma Foreign_Keys=ON")), Some("Foreign_Keys"), "{before:?}");
            assert_eq!(begins(&format!("{before}BEGIN IMMEDIATE")), Some("IMMEDIATE"), "{before:?}");
            assert!(may_change_few_rows(&format!("{before}insert into t values (1)")), "{before:?}");
            assert!(makes(&format!("{before}CREATE TEMP TABLE t (a)")), "{before:?}");
            assert!(!leaves_no_trace(&format!("{before}ATTACH 'a' AS b")), "{before:?}");
        }
        for one in ["SELECT 1", ";; SELECT 1; -- x", "INSERT INTO t VALUES (1) ;"] {
            assert!(is_one(one), "{one}");
        }
        for more in ["SELECT 1; PRAGMA query_only = 1", "EXPLAIN PRAGMA query_only = 1", "SELECT ';'"] {
            assert!(!is_one(more), "{more}");
        }
        assert_eq!(begins("BEGIN/* x */exclusive"), Some("exclusive"));
        assert!(writes("begin exclusive") && !writes("BEGIN") && !writes("BEGIN; DELETE FROM t"));
        assert!(leaves_no_trace("-- nothing") && leaves_no_trace("/* nothing"));
    }
}
