-- Accounts that turn out to be one are joined, and can be taken apart again.

-- What was an account until it was joined into another one. What leads to it leads to that.
CREATE TABLE joined_accounts (
    -- In the order in which they were joined.
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    id            INTEGER NOT NULL UNIQUE,
    account_key   TEXT NOT NULL UNIQUE,
    subdomain     TEXT COLLATE NOCASE,
    -- What it leads to.
    account_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    -- What it was joined into: this may have been joined into another one since.
    into_id       INTEGER NOT NULL,
    -- 1 while the other account is suspended as this one was, and nobody has decided about that since.
    suspends      INTEGER NOT NULL DEFAULT 0 CHECK (suspends IN (0, 1)),
    joined_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX joined_accounts_account ON joined_accounts(account_id);
CREATE INDEX joined_accounts_into ON joined_accounts(into_id, number);
CREATE INDEX joined_accounts_subdomain ON joined_accounts(subdomain) WHERE subdomain IS NOT NULL;

-- Its rows, as they were: what it takes to give it back what it had, and nothing else.
CREATE TABLE joined_rows (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    joined_id  INTEGER NOT NULL REFERENCES joined_accounts(id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    row        TEXT NOT NULL CHECK (json_type(row) = 'object')
) STRICT;

CREATE INDEX joined_rows_account ON joined_rows(joined_id, kind);

-- Every registration id that led to it.
CREATE TABLE joined_registration_ids (
    registration_id  TEXT NOT NULL,
    joined_id        INTEGER NOT NULL REFERENCES joined_accounts(id) ON DELETE CASCADE,
    PRIMARY KEY (registration_id, joined_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX joined_registration_ids_account ON joined_registration_ids(joined_id);

-- Accounts of one owner that have one name.
CREATE INDEX accounts_owner_name ON accounts(owner_id, name_key);
