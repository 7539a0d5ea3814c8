-- Names and numbers that two accounts of an owner have, or more: which accounts are likely one is looked for among these, and not among all that
-- the owner has, see accounts/duplicates.rs. Triggers keep it, by a look into two indexes that a new account comes into anyway.
CREATE TABLE shared_keys (
    owner_id  INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    kind      TEXT NOT NULL CHECK (kind IN ('name', 'number')),
    -- The folded name, or the number in the registration id.
    key       TEXT NOT NULL,
    PRIMARY KEY (owner_id, kind, key)
) STRICT, WITHOUT ROWID;

-- What it has to be.
CREATE VIEW shared_keys_now AS
    SELECT owner_id, 'name' AS kind, name_key AS key FROM accounts WHERE owner_id IS NOT NULL
     GROUP BY owner_id, name_key HAVING count(*) > 1
    UNION ALL
    SELECT owner_id, 'number', registration_number FROM accounts WHERE owner_id IS NOT NULL AND registration_number IS NOT NULL
     GROUP BY owner_id, registration_number HAVING count(*) > 1;

INSERT INTO shared_keys (owner_id, kind, key) SELECT owner_id, kind, key FROM shared_keys_now;

CREATE TRIGGER shared_keys_inserted AFTER INSERT ON accounts WHEN new.owner_id IS NOT NULL BEGIN
    INSERT INTO shared_keys (owner_id, kind, key) SELECT new.owner_id, 'name', new.name_key
     WHERE EXISTS (SELECT 1 FROM accounts o INDEXED BY accounts_owner_name
                    WHERE o.owner_id = new.owner_id AND o.name_key = new.name_key AND o.id <> new.id)
        ON CONFLICT DO NOTHING;
    INSERT INTO shared_keys (owner_id, kind, key) SELECT new.owner_id, 'number', new.registration_number
     WHERE EXISTS (SELECT 1 FROM accounts o INDEXED BY accounts_registration_number
                    WHERE o.owner_id = new.owner_id AND o.registration_number = new.registration_number AND o.id <> new.id)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER shared_keys_deleted AFTER DELETE ON accounts WHEN old.owner_id IS NOT NULL BEGIN
    DELETE FROM shared_keys WHERE owner_id = old.owner_id AND kind = 'name' AND key = old.name_key
       AND (SELECT count(*) FROM (SELECT 1 FROM accounts o INDEXED BY accounts_owner_name
                                   WHERE o.owner_id = old.owner_id AND o.name_key = old.name_key LIMIT 2)) < 2;
    DELETE FROM shared_keys WHERE owner_id = old.owner_id AND kind = 'number' AND key = old.registration_number
       AND (SELECT count(*) FROM (SELECT 1 FROM accounts o INDEXED BY accounts_registration_number
                                   WHERE o.owner_id = old.owner_id AND o.registration_number = old.registration_number LIMIT 2)) < 2;
END;

CREATE TRIGGER shared_keys_updated AFTER UPDATE OF owner_id, name_key, registration_number ON accounts
    WHEN old.owner_id <> new.owner_id OR old.name_key <> new.name_key
      OR old.registration_number IS NOT new.registration_number BEGIN
    DELETE FROM shared_keys WHERE owner_id = old.owner_id AND kind = 'name' AND key = old.name_key
       AND (SELECT count(*) FROM (SELECT 1 FROM accounts o INDEXED BY accounts_owner_name
                                   WHERE o.owner_id = old.owner_id AND o.name_key = old.name_key LIMIT 2)) < 2;
    DELETE FROM shared_keys WHERE owner_id = old.owner_id AND kind = 'number' AND key = old.registration_number
       AND (SELECT count(*) FROM (SELECT 1 FROM accounts o INDEXED BY accounts_registration_number
                                   WHERE o.owner_id = old.owner_id AND o.registration_number = old.registration_number LIMIT 2)) < 2;
    INSERT INTO shared_keys (owner_id, kind, key) SELECT new.owner_id, 'name', new.name_key
     WHERE EXISTS (SELECT 1 FROM accounts o INDEXED BY accounts_owner_name
                    WHERE o.owner_id = new.owner_id AND o.name_key = new.name_key AND o.id <> new.id)
        ON CONFLICT DO NOTHING;
    INSERT INTO shared_keys (owner_id, kind, key) SELECT new.owner_id, 'number', new.registration_number
     WHERE EXISTS (SELECT 1 FROM accounts o INDEXED BY accounts_registration_number
                    WHERE o.owner_id = new.owner_id AND o.registration_number = new.registration_number AND o.id <> new.id)
        ON CONFLICT DO NOTHING;
END;
