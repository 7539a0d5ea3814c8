-- The directory can be read: by whom an account knows its members, which account a change was about, and who is no more.

-- The id by which the account knows the person until it enters, and by which the account finds it then as well. It is the id
-- that was told, or one of the membership's own, which is nobody's: 2 to the power of 52 and above.
ALTER TABLE memberships ADD COLUMN known_as INTEGER NOT NULL DEFAULT 0;

UPDATE memberships SET known_as = CASE
    WHEN entered_at IS NOT NULL OR NOT EXISTS (
         SELECT 1 FROM addresses d WHERE d.person_id = memberships.person_id AND d.proved_at IS NOT NULL)
    THEN person_id ELSE 4503599627370496 + (random() & 2251799813685247) END;

CREATE UNIQUE INDEX memberships_known ON memberships(account_id, known_as);

-- Who has entered an account: people are seen by those who see an account that they have entered.
CREATE INDEX memberships_entered ON memberships(person_id, account_id) WHERE entered_at IS NOT NULL AND status = 'active';

-- The account that a change was about, if it was about one.
ALTER TABLE audit ADD COLUMN account_id INTEGER;

UPDATE audit SET account_id = CASE subject WHEN 'accounts' THEN subject_id ELSE detail ->> '$.account' END;

CREATE INDEX audit_account ON audit(account_id, id) WHERE account_id IS NOT NULL;

-- Whom a connector calls so.
CREATE INDEX person_identities_external ON person_identities(external_id);

-- What is to be mailed to whom.
CREATE INDEX outbox_recipient ON outbox(recipient);

-- When somebody was erased: the id stays, so that it is never somebody else's, and nothing else does.
ALTER TABLE people ADD COLUMN erased_at INTEGER;
