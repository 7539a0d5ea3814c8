-- What a connector said leads on once it is gone, and what was an account goes on having its subdomain.

-- A registration id that a connector said of an account, before the connector was disconnected or deleted: the one that comes in its place
-- says it of the same account. It holds nothing: of another account of the owner it may be said like any other.
CREATE TABLE former_registration_ids (
    registration_id  TEXT NOT NULL,
    account_id       INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    PRIMARY KEY (registration_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_registration_ids_account ON former_registration_ids(account_id);

CREATE TRIGGER removed_former_registration_ids AFTER DELETE ON former_registration_ids WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'former_registration_ids', json_object('registration_id',
    old.registration_id, 'account_id', old.account_id) FROM removals WHERE open = 1; END;

-- The subdomain of an account that was joined leads to the one that stays, and is nobody else's: the two can be taken apart. The message is
-- that of the index, whose rule this is.
CREATE TRIGGER subdomain_of_joined_inserted AFTER INSERT ON accounts
    WHEN new.subdomain IS NOT NULL
     AND EXISTS (SELECT 1 FROM joined_accounts j WHERE j.subdomain = new.subdomain AND j.id <> new.id) BEGIN
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: accounts.subdomain'); END;

CREATE TRIGGER subdomain_of_joined_updated AFTER UPDATE OF subdomain ON accounts
    WHEN new.subdomain IS NOT NULL AND new.subdomain IS NOT old.subdomain
     AND EXISTS (SELECT 1 FROM joined_accounts j WHERE j.subdomain = new.subdomain AND j.id <> new.id) BEGIN
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: accounts.subdomain'); END;

CREATE TRIGGER subdomain_of_account AFTER INSERT ON joined_accounts
    WHEN new.subdomain IS NOT NULL
     AND EXISTS (SELECT 1 FROM accounts a WHERE a.subdomain = new.subdomain AND a.id <> new.id) BEGIN
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: accounts.subdomain'); END;
