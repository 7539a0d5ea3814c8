-- What keeps a listing fast in a directory of a million accounts.

-- How many accounts an account owns, directly or through others: what a listing says it counts. Kept by whoever makes or
-- deletes accounts.
ALTER TABLE accounts ADD COLUMN descendants INTEGER NOT NULL DEFAULT 0 CHECK (descendants >= 0);

UPDATE accounts SET descendants = owned.number
  FROM (WITH RECURSIVE chain(id, owner_id) AS (
            SELECT id, owner_id FROM accounts
            UNION ALL SELECT chain.id, o.owner_id FROM chain JOIN accounts o ON o.id = chain.owner_id)
        SELECT owner_id, count(*) AS number FROM chain WHERE owner_id IS NOT NULL GROUP BY owner_id) owned
 WHERE accounts.id = owned.owner_id;

-- The newest accounts first. Times only grow, so that a new account is added at the end: it costs little.
CREATE INDEX accounts_created ON accounts(created_at);

-- Accounts that share their data, and accounts that own others: few among many.
CREATE INDEX accounts_shared ON accounts(owner_id) WHERE datashare = 1;
CREATE INDEX accounts_owners ON accounts(descendants) WHERE descendants > 0;
