-- Each source keeps its word about an account. What is shown follows from their words and from the order in which they count.

-- What people say of an account (the accounts API), and what the account above says (the administration API). Null says nothing.
ALTER TABLE accounts ADD COLUMN people_name TEXT;
ALTER TABLE accounts ADD COLUMN above_name TEXT;
ALTER TABLE accounts ADD COLUMN people_registration_id TEXT;
ALTER TABLE accounts ADD COLUMN above_registration_id TEXT;

-- What a connector says of the account that it calls so, where that is another value than the one that is shown. Null says what is
-- shown, so that a source which agrees costs nothing.
ALTER TABLE account_identities ADD COLUMN name TEXT;
ALTER TABLE account_identities ADD COLUMN registration_id TEXT;

-- The number in a registration id, whichever way it is written: see accounts/duplicates.rs. Accounts of one number may be one company.
ALTER TABLE accounts ADD COLUMN registration_number TEXT;

UPDATE accounts SET registration_number = nullif(ltrim(
    replace(replace(replace(replace(registration_id, ' ', ''), '-', ''), '.', ''), '/', ''),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0'), '') WHERE registration_id IS NOT NULL;

CREATE INDEX accounts_registration_number ON accounts(owner_id, registration_number) WHERE registration_number IS NOT NULL;

-- Accounts that somebody has said to be two, the older one first: they are proposed as one no more.
CREATE TABLE different_accounts (
    account_id  INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    other_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE CHECK (account_id < other_id),
    PRIMARY KEY (account_id, other_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX different_accounts_other ON different_accounts(other_id);

-- The address that a connector last said of a person, as addresses compare. Null: it said so before this was kept.
ALTER TABLE person_identities ADD COLUMN key TEXT;

-- Which share of its external ids a connector may unbind by one body, in percent, unless the body confirms the number. Null: any.
ALTER TABLE connectors ADD COLUMN unbind_share INTEGER CHECK (unbind_share BETWEEN 0 AND 100);

-- In which order sources count about the accounts of an owner, where that is another than the usual one. Those that are not named
-- follow in the usual order.
CREATE TABLE precedences (
    owner_id      INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    field         TEXT NOT NULL CHECK (field IN ('name', 'registrationId')),
    position      INTEGER NOT NULL,
    source        TEXT NOT NULL CHECK (source IN ('people', 'above', 'connector')),
    connector_id  INTEGER REFERENCES connectors(id) ON DELETE CASCADE CHECK ((connector_id IS NULL) = (source <> 'connector')),
    PRIMARY KEY (owner_id, field, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX precedences_connector ON precedences(connector_id) WHERE connector_id IS NOT NULL;

-- Where sources disagree: few among many.
CREATE INDEX account_identities_differing ON account_identities(connector_id, account_id)
    WHERE name IS NOT NULL OR registration_id IS NOT NULL;
CREATE INDEX accounts_differing ON accounts(owner_id)
    WHERE people_name <> name OR above_name <> name
       OR people_registration_id <> registration_id OR above_registration_id <> registration_id;

-- A registration id that a source says leads to the account, though another one is shown.
CREATE INDEX account_identities_registration ON account_identities(registration_id) WHERE registration_id IS NOT NULL;
CREATE INDEX accounts_people_registration ON accounts(owner_id, people_registration_id)
    WHERE people_registration_id <> registration_id;
CREATE INDEX accounts_above_registration ON accounts(owner_id, above_registration_id)
    WHERE above_registration_id <> registration_id;

-- Who said what is shown was not kept before. A reserved name was given through the accounts API; a reseller's name stands unless
-- a connector has given another one since. Of everything else connectors are taken to have said what is shown.
UPDATE accounts SET people_name = name WHERE name_reserved = 1 AND origin <> 'operator';

UPDATE accounts SET above_name = name
 WHERE origin = 'administration' AND people_name IS NULL
   AND NOT EXISTS (SELECT 1 FROM audit e WHERE e.subject = 'accounts' AND e.subject_id = accounts.id AND e.action = 'renamed');

UPDATE accounts SET people_registration_id = registration_id WHERE origin = 'accounts' AND registration_id IS NOT NULL;

UPDATE accounts SET above_registration_id = registration_id WHERE origin = 'administration' AND registration_id IS NOT NULL;
