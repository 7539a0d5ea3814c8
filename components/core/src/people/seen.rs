//! What is seen of a person, as parts of statements.

/// The address that signs the person in whose id an expression gives: the newest that is proved, or the one that a sign-up has
/// named.
macro_rules! email {
    ($person:literal) => {
        concat!(
            "coalesce((SELECT d.address FROM addresses d WHERE d.person_id = ",
            $person,
            " AND d.proved_at IS NOT NULL AND d.retired_at IS NULL ORDER BY d.proved_at DESC, d.key LIMIT 1),
             (SELECT n.name FROM usernames n WHERE n.person_id = ",
            $person,
            " AND n.kind = 'claim' LIMIT 1))"
        )
    };
}

/// Whether the account knows who the member `m` is, because the person has entered it. Who has refused it since is known by what
/// the account was told.
macro_rules! is_known {
    () => {
        "(m.entered_at IS NOT NULL AND m.status <> 'refused')"
    };
}

/// The id by which the account knows the member `m`.
macro_rules! known_as {
    () => {
        concat!("iif(", $crate::people::seen::is_known!(), ", m.person_id, m.known_as)")
    };
}

/// Whether the membership of this alias is one of somebody who has entered and is not blocked.
macro_rules! entered {
    ($alias:literal) => {
        concat!($alias, ".entered_at IS NOT NULL AND ", $alias, ".status = 'active'")
    };
}

/// Whether the person `p` has entered an account that the caller sees, as a condition. The caller is `?1` and `?2`.
macro_rules! is_seen {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM memberships of JOIN accounts a ON a.id = of.account_id
              WHERE of.person_id = p.id AND ",
            $crate::people::seen::entered!("of"),
            " AND ",
            $crate::accounts::hierarchy::roles_of_caller!(),
            " IS NOT NULL)"
        )
    };
}

pub(crate) use {email, entered, is_known, is_seen, known_as};
