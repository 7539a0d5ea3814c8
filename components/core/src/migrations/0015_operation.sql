-- For whoever operates Accord: the whole directory can be brought in from another one, and nodes find out whether they share a
-- key-value store.

-- The import that is under way, if there is one. Until its last line has come nobody has a role and no connector a token (`live!` in
-- store/climb.rs), and triggers of its own refuse every write but those of the import.
CREATE TABLE imports (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    -- Who may go on with it: whoever began it, and is no more, for the import has other people.
    name           TEXT NOT NULL,
    password_hash  TEXT NOT NULL,
    -- How many lines have come.
    lines          INTEGER NOT NULL,
    -- 1 within a transaction of the import, and 0 for everybody else.
    writing        INTEGER NOT NULL CHECK (writing IN (0, 1)),
    begun_at       INTEGER NOT NULL
) STRICT;

-- Which key-value store the private halves of the signing keys are in: the one that has an entry of this name. A node that has
-- another store makes no keys.
CREATE TABLE key_value_stores (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    mark  TEXT NOT NULL
) STRICT;
