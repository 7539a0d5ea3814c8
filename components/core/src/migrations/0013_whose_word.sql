-- Which account suspended this one, where an account above did: that one lifts it, or one above that. Null where it suspended
-- itself, and where the account that owns it did before this was noted.
ALTER TABLE accounts ADD COLUMN suspended_by INTEGER REFERENCES accounts(id) ON DELETE SET NULL
    CHECK (suspended_by IS NULL OR status = 'inactive');

CREATE INDEX accounts_suspended_by ON accounts(suspended_by) WHERE suspended_by IS NOT NULL;

-- The key of the address by which the account knows the person: the one that it has named, and by which the person entered. Null
-- where it has named none, as a binding does. What the account says of another address tells it nothing of this person.
ALTER TABLE memberships ADD COLUMN known_by TEXT;

UPDATE memberships SET known_by = coalesce(
    (SELECT l.key FROM links l
      WHERE l.account_id = memberships.account_id AND l.person_id = memberships.person_id AND l.purpose = 'invitation' LIMIT 1),
    (SELECT d.key FROM addresses d JOIN records r ON r.account_id = memberships.account_id AND r.email_key = d.key
      WHERE d.person_id = memberships.person_id ORDER BY r.id LIMIT 1),
    (SELECT d.key FROM addresses d
      WHERE d.person_id = memberships.person_id AND memberships.entered_at IS NOT NULL
        AND d.proved_at IS NOT NULL AND d.retired_at IS NULL ORDER BY d.proved_at DESC, d.key LIMIT 1));

CREATE INDEX memberships_known_by ON memberships(account_id, known_by) WHERE known_by IS NOT NULL;
