-- What an account calls its members is its own word: what its people said in an invitation, or since. The person's own names stand in `people`
-- and nobody else writes them; what its connectors say stands in `records`. Which is shown: people/names.rs.
ALTER TABLE memberships ADD COLUMN first_name TEXT;
ALTER TABLE memberships ADD COLUMN last_name TEXT;

-- An invitation kept its names with the person whom it told. Of somebody who has not come in, or who turned out to be somebody else, they
-- are the account's; who has come in under them goes by them, until it says something else.
UPDATE memberships SET first_name = told.first_name, last_name = told.last_name
  FROM people told
 WHERE told.id = memberships.known_as AND told.password_hash IS NULL AND (told.first_name IS NOT NULL OR told.last_name IS NOT NULL)
   AND (told.leads_to IS NOT NULL OR NOT EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = told.id AND d.proved_at IS NOT NULL));

UPDATE people SET first_name = NULL, last_name = NULL
 WHERE password_hash IS NULL AND (first_name IS NOT NULL OR last_name IS NOT NULL)
   AND (leads_to IS NOT NULL OR NOT EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = people.id AND d.proved_at IS NOT NULL));

-- A removal keeps them with the rest of a membership.
DROP TRIGGER removed_memberships;

CREATE TRIGGER removed_memberships AFTER DELETE ON memberships WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'memberships', json_object('account_id', old.account_id,
    'person_id', old.person_id, 'status', old.status, 'entered_at', old.entered_at, 'blocked_rank', old.blocked_rank,
    'blocked_by', old.blocked_by, 'created_at', old.created_at, 'updated_at', old.updated_at, 'known_as', old.known_as,
    'known_by', old.known_by, 'first_name', old.first_name,
    'last_name', old.last_name) FROM removals WHERE open = 1; END;
