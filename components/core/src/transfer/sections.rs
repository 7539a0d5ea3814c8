//! Which tables and columns an export tells, in an order in which each row comes after those that it refers to.

/// Rows of a table, or what is told of them later than the rest.
pub(crate) struct Section {
    /// What its lines are called.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// The columns that are told, those of the primary key first.
    pub columns: &'static [&'static str],
    /// How many columns the primary key has.
    pub key: usize,
    /// The rows that are told, as a condition.
    pub rows: &'static str,
    /// Columns of which something else is told at first, and what: a later section completes them.
    pub at_first: &'static [(&'static str, &'static str)],
    /// Whether the rows have come before, and this completes them: by what refers to rows that may come later than the row itself.
    pub completes: bool,
}

impl Section {
    const fn of(table: &'static str, key: usize, columns: &'static [&'static str]) -> Self {
        Self { name: table, table, columns, key, rows: "true", at_first: &[], completes: false }
    }

    /// The section whose lines are called so.
    pub fn find(name: &str) -> Option<usize> {
        SECTIONS.iter().position(|section| section.name == name)
    }

    /// Whether a column has bytes, which are told as hexadecimal digits.
    pub fn is_blob(column: &str) -> bool {
        column == "digest"
    }
}

/// Everything that is told.
pub(crate) static SECTIONS: [Section; 24] = [
    Section {
        // What was joined may have left accounts below one that was made after them. At first they are the operator's.
        at_first: &[
            ("owner_id", "iif(owner_id > id, (SELECT o.id FROM accounts o WHERE o.owner_id IS NULL), owner_id)"),
            ("registration_id", "iif(owner_id > id, NULL, registration_id)"),
        ],
        ..Section::of(
            "accounts",
            1,
            &[
                "id",
                "owner_id",
                "account_key",
                "registration_id",
                "type",
                "status",
                "name",
                "name_key",
                "name_reserved",
                "description",
                "primary_contact",
                "country",
                "subdomain",
                "domain",
                "email_admin",
                "datashare",
                "origin",
                "version",
                "created_at",
                "updated_at",
                "descendants",
                "suspended_from_above",
                "people_name",
                "above_name",
                "people_registration_id",
                "above_registration_id",
                "registration_number",
            ],
        )
    },
    Section::of("packages", 1, &["id", "owner_id", "name", "is_default"]),
    Section::of(
        "people",
        1,
        &[
            "id",
            "uuid",
            "confined",
            "name",
            "first_name",
            "last_name",
            "password_hash",
            "password_version",
            "origin",
            "version",
            "created_at",
            "updated_at",
            "erased_at",
        ],
    ),
    Section::of(
        "connectors",
        1,
        &[
            "id",
            "account_id",
            "client_id",
            "secret_hash",
            "secret_version",
            "scopes",
            "name",
            "integration",
            "property",
            "environment",
            "status",
            "token_expires_at",
            "last_success_at",
            "last_failure_at",
            "last_failure",
            "failures",
            "created_at",
            "updated_at",
            "rank",
            "maker_id",
            "maker_lost_rank_at",
            "redirect_uris",
            "post_logout_redirect_uris",
            "public",
            "require_pkce",
            "id_token_algorithm",
            "unbind_share",
        ],
    ),
    Section::of("addresses", 1, &["key", "address", "person_id", "proved_at", "retired_at", "next_id"]),
    Section::of("usernames", 2, &["account_id", "key", "name", "person_id", "kind"]),
    Section::of(
        "records",
        1,
        &[
            "id",
            "uuid",
            "account_id",
            "person_id",
            "name",
            "first_name",
            "last_name",
            "phone",
            "phone_verified",
            "email",
            "email_key",
            "language",
            "time_zone",
            "date_format",
            "username",
            "username_key",
            "external_id",
            "notify_by_email",
            "notify_by_sms",
            "is_active",
            "version",
            "created_at",
            "updated_at",
        ],
    ),
    Section::of(
        "memberships",
        2,
        &[
            "account_id",
            "person_id",
            "status",
            "entered_at",
            "blocked_rank",
            "blocked_by",
            "created_at",
            "updated_at",
            "known_as",
            "known_by",
            "first_name",
            "last_name",
        ],
    ),
    Section::of("grants", 4, &["account_id", "person_id", "door", "role", "given_by", "given_rank", "created_at"]),
    Section::of(
        "account_identities",
        2,
        &["connector_id", "external_id", "account_id", "created_at", "name", "registration_id"],
    ),
    Section::of("person_identities", 2, &["connector_id", "external_id", "person_id", "created_at", "key"]),
    Section::of("user_bindings", 3, &["connector_id", "external_id", "account_id", "created_at"]),
    Section::of(
        "links",
        1,
        &["digest", "purpose", "person_id", "account_id", "address", "key", "undoes", "created_at", "expires_at"],
    ),
    Section::of("former_registration_ids", 2, &["registration_id", "account_id"]),
    Section::of("different_accounts", 2, &["account_id", "other_id"]),
    Section::of("precedences", 3, &["owner_id", "field", "position", "source", "connector_id"]),
    Section::of(
        "joined_accounts",
        1,
        &["number", "id", "account_key", "subdomain", "account_id", "into_id", "suspends", "joined_at"],
    ),
    Section::of("joined_rows", 1, &["id", "joined_id", "kind", "row"]),
    Section::of("joined_registration_ids", 2, &["registration_id", "joined_id"]),
    Section::of("removals", 1, &["id", "request_id", "owner_id", "kind", "open", "at"]),
    Section::of("removed_rows", 1, &["id", "removal_id", "kind", "row"]),
    Section {
        rows: "subject <> 'directory'",
        ..Section::of(
            "audit",
            1,
            &["id", "at", "actor", "api", "action", "subject", "subject_id", "detail", "request_id", "account_id"],
        )
    },
    Section {
        name: "accounts_later",
        table: "accounts",
        columns: &["id", "owner_id", "registration_id", "package_id", "suspended_by"],
        key: 1,
        rows: "(package_id IS NOT NULL OR suspended_by IS NOT NULL OR owner_id > id)",
        at_first: &[],
        completes: true,
    },
    Section {
        name: "people_later",
        table: "people",
        columns: &["id", "leads_to"],
        key: 1,
        rows: "leads_to IS NOT NULL",
        at_first: &[],
        completes: true,
    },
];

/// The tables that are not told, for another Accord has its own: the schema, the keys that sign, where they are kept and the tokens that they signed, who is
/// signed in, the mails that wait, the answers that were given, what is counted for limits, and what follows from what is told.
#[cfg(test)]
pub(crate) const LEFT_OUT: [&str; 12] = [
    "migrations",
    "signing_keys",
    "revoked_tokens",
    "refresh_tokens",
    "outbox",
    "idempotency_keys",
    "sign_in_failures",
    "sign_ups",
    "imports",
    "key_value_stores",
    "entered_people",
    "shared_keys",
];

/// Tables that are not told, in which nothing may be written while an import is under way: it would be of people who are no more.
pub(crate) const CLOSED: [&str; 3] = ["refresh_tokens", "outbox", "idempotency_keys"];

/// Tables whose ids are never given out again. That of the audit is not among them: exports and imports take ids of it.
pub(crate) const COUNTED: [&str; 8] =
    ["accounts", "connectors", "joined_accounts", "joined_rows", "packages", "people", "records", "removals"];
