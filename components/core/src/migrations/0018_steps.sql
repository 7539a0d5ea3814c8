-- What was planned is applied by one statement: an insert of steps, which triggers take one after the other, in their order. Outside of a
-- transaction that statement is one by itself: nobody waits for the write lock while it travels to the database. What inserts into these tables
-- stands here and nowhere else; a migration that adds a column to one of them makes its trigger anew.
--
-- A step has rows, a JSON array of arrays, and what its rows have in common, an array. What the same statement has made has no id yet: the
-- steps after it call an account by its key, and a person and a record by the UUID.

CREATE VIEW steps AS SELECT NULL AS step, NULL AS rows, NULL AS common WHERE 0;

-- Whether what was read to make the plan is so still.
CREATE TRIGGER steps_premise INSTEAD OF INSERT ON steps WHEN new.step = 'premise' AND new.rows IS NOT 1 BEGIN
    SELECT RAISE(ABORT, 'what was read has changed');
END;

-- In common: the owner, the origin and the time. A row has six values, or all: to read the others of those that have none takes a large body
-- twice the time. An account without a package gets the default of its owner, or of the nearest above that has one.
CREATE TRIGGER steps_accounts INSTEAD OF INSERT ON steps WHEN new.step = 'accounts' BEGIN
    INSERT INTO accounts (owner_id, origin, created_at, updated_at, account_key, package_id, name, name_key, registration_id,
                          registration_number)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, new.common ->> 2, value ->> 0,
           coalesce(value ->> 1, (
               WITH RECURSIVE chain(id, depth) AS (
                   SELECT new.common ->> 0, 0
                   UNION ALL SELECT o.owner_id, chain.depth + 1 FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
               SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1 ORDER BY chain.depth LIMIT 1)),
           value ->> 2, value ->> 3, value ->> 4, value ->> 5
      FROM json_each(new.rows) WHERE json_array_length(value) = 6;
    INSERT INTO accounts (owner_id, origin, created_at, updated_at, account_key, package_id, name, name_key, registration_id,
                          registration_number, name_reserved, description, primary_contact, country, type, status, suspended_from_above,
                          subdomain, domain, email_admin, datashare, people_name, people_registration_id, above_name,
                          above_registration_id)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, new.common ->> 2, value ->> 0,
           coalesce(value ->> 1, (
               WITH RECURSIVE chain(id, depth) AS (
                   SELECT new.common ->> 0, 0
                   UNION ALL SELECT o.owner_id, chain.depth + 1 FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
               SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1 ORDER BY chain.depth LIMIT 1)),
           value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
           value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19,
           value ->> 20
      FROM json_each(new.rows) WHERE json_array_length(value) > 6;
    UPDATE accounts SET descendants = descendants + json_array_length(new.rows) WHERE id IN (
        WITH RECURSIVE chain(id) AS (
            SELECT new.common ->> 0
            UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
        SELECT id FROM chain);
END;

-- In common: the connector and the time. A row: the external id, and the account.
CREATE TRIGGER steps_account_identities INSTEAD OF INSERT ON steps WHEN new.step = 'account_identities' BEGIN
    INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
    SELECT new.common ->> 0, value ->> 0,
           iif(typeof(value ->> 1) = 'integer', value ->> 1, (SELECT id FROM accounts WHERE account_key = value ->> 1)),
           new.common ->> 1
      FROM json_each(new.rows) WHERE true
        ON CONFLICT (connector_id, external_id) DO UPDATE
           SET account_id = excluded.account_id, created_at = excluded.created_at, name = NULL, registration_id = NULL;
END;

-- What connectors say of accounts and is not what is shown, see `accounts/sources/words.rs`. A row: the connector, its external id, the field,
-- and what it says, or null where that is what is shown.
CREATE TRIGGER steps_words INSTEAD OF INSERT ON steps WHEN new.step = 'words' BEGIN
    UPDATE account_identities SET name = value ->> 3 FROM json_each(new.rows)
     WHERE connector_id = value ->> 0 AND external_id = value ->> 1 AND value ->> 2 = 'name';
    UPDATE account_identities SET registration_id = value ->> 3 FROM json_each(new.rows)
     WHERE connector_id = value ->> 0 AND external_id = value ->> 1 AND value ->> 2 = 'registrationId';
END;

-- What is shown of accounts. In common: the time. A row: the account, its name and the folded name, its registration id and the number of that.
-- What is null stays.
CREATE TRIGGER steps_shown INSTEAD OF INSERT ON steps WHEN new.step = 'shown' BEGIN
    UPDATE accounts
       SET name = coalesce(value ->> 1, name), name_key = coalesce(value ->> 2, name_key),
           name_reserved = iif(value ->> 1 IS NULL, name_reserved, 0),
           registration_id = coalesce(value ->> 3, registration_id),
           registration_number = iif(value ->> 3 IS NULL, registration_number, value ->> 4),
           version = version + 1, updated_at = new.common ->> 0
      FROM json_each(new.rows) WHERE accounts.id = value ->> 0;
END;

-- What people change of an account. In common: the account, its version, the time, and whether an account above suspends it. A row: the name, the
-- folded name, whether that is reserved, the description, the status, the contact, the country, the registration id and the number of
-- that; and of the name and of the registration id whether people say something else than before, and what.
CREATE TRIGGER steps_account INSTEAD OF INSERT ON steps WHEN new.step = 'account' BEGIN
    UPDATE accounts
       SET name = value ->> 0, name_key = value ->> 1, name_reserved = coalesce(value ->> 2, name_reserved), description = value ->> 3,
           status = value ->> 4, primary_contact = value ->> 5, country = value ->> 6, registration_id = value ->> 7,
           registration_number = value ->> 8, people_name = iif(value ->> 9, value ->> 10, people_name),
           people_registration_id = iif(value ->> 11, value ->> 12, people_registration_id),
           suspended_from_above = value ->> 4 = 'inactive' AND max(suspended_from_above, new.common ->> 3),
           version = new.common ->> 1, updated_at = new.common ->> 2
      FROM json_each(new.rows) WHERE accounts.id = new.common ->> 0;
END;

-- In common: the origin and the time.
CREATE TRIGGER steps_people INSTEAD OF INSERT ON steps WHEN new.step = 'people' BEGIN
    INSERT INTO people (origin, created_at, updated_at, uuid, name, first_name, last_name, password_hash, password_version, confined,
                        leads_to)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
           value ->> 5, value ->> 6, value ->> 7
      FROM json_each(new.rows);
END;

-- In common: until when an address was given up for nobody to have it any more. A row: the key, the address, and whom it names from now on. An
-- address that its person has given up, and may take back, stays the person's and names somebody beside.
CREATE TRIGGER steps_addresses INSTEAD OF INSERT ON steps WHEN new.step = 'addresses' BEGIN
    INSERT INTO addresses (key, address, person_id)
    SELECT value ->> 0, value ->> 1, (SELECT id FROM people WHERE uuid = value ->> 2) FROM json_each(new.rows) WHERE true
        ON CONFLICT (key) DO UPDATE
           SET next_id = CASE WHEN retired_at > new.common ->> 0 THEN excluded.person_id END,
               person_id = CASE WHEN retired_at > new.common ->> 0 THEN person_id ELSE excluded.person_id END,
               address = CASE WHEN retired_at > new.common ->> 0 THEN address ELSE excluded.address END,
               proved_at = CASE WHEN retired_at > new.common ->> 0 THEN proved_at END,
               retired_at = CASE WHEN retired_at > new.common ->> 0 THEN retired_at END;
END;

-- In common: the connector and the time. A row: the external id, the person, and the key of the address that the connector says.
CREATE TRIGGER steps_person_identities INSTEAD OF INSERT ON steps WHEN new.step = 'person_identities' BEGIN
    INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key)
    SELECT new.common ->> 0, value ->> 0,
           iif(typeof(value ->> 1) = 'integer', value ->> 1, (SELECT id FROM people WHERE uuid = value ->> 1)), new.common ->> 1,
           value ->> 2
      FROM json_each(new.rows) WHERE true
        ON CONFLICT (connector_id, external_id) DO UPDATE SET person_id = excluded.person_id, key = excluded.key;
END;

-- In common: the account and the time. A row: the UUID, who has entered by the record, and what it says.
CREATE TRIGGER steps_records INSTEAD OF INSERT ON steps WHEN new.step = 'records' BEGIN
    INSERT INTO records (account_id, created_at, updated_at, uuid, person_id, name, first_name, last_name, phone, phone_verified, email,
                         email_key, language, time_zone, date_format, username, username_key, external_id, notify_by_email,
                         notify_by_sms, is_active)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
           value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
           value ->> 14, value ->> 15, value ->> 16, value ->> 17
      FROM json_each(new.rows);
END;

-- The same of a record that there is.
CREATE TRIGGER steps_record INSTEAD OF INSERT ON steps WHEN new.step = 'record' BEGIN
    UPDATE records
       SET version = version + 1, updated_at = new.common ->> 1, person_id = value ->> 1, name = value ->> 2, first_name = value ->> 3,
           last_name = value ->> 4, phone = value ->> 5, phone_verified = value ->> 6, email = value ->> 7, email_key = value ->> 8,
           language = value ->> 9, time_zone = value ->> 10, date_format = value ->> 11, username = value ->> 12,
           username_key = value ->> 13, external_id = value ->> 14, notify_by_email = value ->> 15, notify_by_sms = value ->> 16,
           is_active = value ->> 17
      FROM json_each(new.rows) WHERE records.uuid = value ->> 0 AND records.account_id = new.common ->> 0;
END;

-- A write of a connector has succeeded, see `connectors/health.rs`. In common: the connector and the time. Health is told to the second.
CREATE TRIGGER steps_success INSTEAD OF INSERT ON steps WHEN new.step = 'success' BEGIN
    UPDATE connectors SET last_success_at = new.common ->> 1, failures = 0
     WHERE id = new.common ->> 0
       AND (failures > 0 OR last_success_at IS NULL OR last_success_at / 1000 <> (new.common ->> 1) / 1000);
END;

-- In common: the time, the actor, the API and the request. A note: the action, the table, the row, and what more there is to say of it. Its
-- member `account` is the account that it is about: of an account itself, if there is none.
CREATE TRIGGER steps_audit INSTEAD OF INSERT ON steps WHEN new.step = 'audit' BEGIN
    INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id, account_id)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, note ->> 0, note ->> 1, id, note ->> 3, new.common ->> 3,
           coalesce(note ->> '$[3].account', iif(note ->> 1 = 'accounts', id, NULL))
      FROM (SELECT value AS note,
                   CASE WHEN typeof(value ->> 2) = 'integer' THEN value ->> 2
                        WHEN value ->> 1 = 'accounts' THEN (SELECT id FROM accounts WHERE account_key = value ->> 2)
                        WHEN value ->> 1 = 'people' THEN (SELECT id FROM people WHERE uuid = value ->> 2)
                        WHEN value ->> 1 = 'records' THEN (SELECT id FROM records WHERE uuid = value ->> 2)
                   END AS id
              FROM json_each(new.rows));
END;
