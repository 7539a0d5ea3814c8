//! The climb through the tree of accounts, as SQL: every statement that asks who owns an account climbs by this.

/// The climb from an account, which an expression gives, to its owners, as a table expression of a `WITH RECURSIVE`:
/// `chain(id, depth, shared)`, where `depth` counts the steps and `shared` is whether each account that was left behind
/// shares its data. The account itself is the first.
///
/// It is written so that SQLite needs no table in between: the chain is read once, and joined by `UNION ALL` (nobody owns
/// itself, through however many others).
macro_rules! climb {
    ($start:expr) => {
        concat!(
            "chain(id, depth, shared) AS (
                 SELECT ",
            $start,
            ", 0, 1
                 UNION ALL SELECT o.owner_id, chain.depth + 1, chain.shared AND o.datashare
                   FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)"
        )
    };
}

/// The condition that an account, which an expression gives, works: neither it nor an account that owns it is suspended, and no
/// import is under way, of which nobody may see a part.
macro_rules! live {
    ($account:literal) => {
        concat!(
            "(NOT EXISTS (SELECT 1 FROM imports WHERE one = 1) AND NOT EXISTS (
             WITH RECURSIVE ",
            $crate::store::climb::climb!($account),
            " SELECT 1 FROM chain JOIN accounts s ON s.id = chain.id WHERE s.status = 'inactive'))"
        )
    };
}

pub(crate) use {climb, live};
