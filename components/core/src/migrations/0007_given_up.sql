-- What is given to an address that its person has given up is not that person's: somebody else may have the mailbox by now. It
-- waits for whoever proves the address next, with a person of its own.
ALTER TABLE addresses ADD COLUMN next_id INTEGER REFERENCES people (id) ON DELETE SET NULL
    CHECK (next_id IS NULL OR retired_at IS NOT NULL);

CREATE INDEX addresses_next ON addresses (next_id) WHERE next_id IS NOT NULL;

-- A refusal is the person's. What the account has decided about somebody who refuses it stands beside that.
UPDATE memberships SET blocked_rank = NULL, blocked_by = NULL WHERE status = 'refused';

-- Who is removed, or has refused, has nothing that would come alive when that is lifted.
DELETE FROM grants WHERE EXISTS (
    SELECT 1 FROM memberships m
     WHERE m.account_id = grants.account_id AND m.person_id = grants.person_id AND m.status IN ('removed', 'refused'));
