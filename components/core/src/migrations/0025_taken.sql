-- SQLite gives each trigger that it asks a frame with room for all that the trigger computes, and whether a trigger is meant is asked within that
-- frame. So each step of a statement paid for the work of every kind of step. Now the triggers of `steps` do no more than hand a step on to a
-- view of its kind, and what takes it is the one trigger of that view.
--
-- What inserts into the tables stands here: a migration that adds a column to one of them makes the trigger of its step anew.

DROP TRIGGER steps_accounts;
DROP TRIGGER steps_words;
DROP TRIGGER steps_shown;
DROP TRIGGER steps_account;
DROP TRIGGER steps_people;
DROP TRIGGER steps_named;
DROP TRIGGER steps_bound_accounts;
DROP TRIGGER steps_bound_people;
DROP TRIGGER steps_records;
DROP TRIGGER steps_record;
DROP TRIGGER steps_success;
DROP TRIGGER steps_audit;

CREATE VIEW step_accounts AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_whole_accounts AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_founders AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_granted AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_words AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_shown AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_account AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_people AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_named AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_bound_accounts AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_bound_people AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_records AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_record AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_success AS SELECT NULL AS rows, NULL AS common WHERE 0;
CREATE VIEW step_audit AS SELECT NULL AS rows, NULL AS common WHERE 0;

CREATE TRIGGER steps_accounts INSTEAD OF INSERT ON steps WHEN new.step = 'accounts' BEGIN
    INSERT INTO step_accounts (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_whole_accounts INSTEAD OF INSERT ON steps WHEN new.step = 'whole_accounts' BEGIN
    INSERT INTO step_whole_accounts (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_founders INSTEAD OF INSERT ON steps WHEN new.step = 'founders' BEGIN
    INSERT INTO step_founders (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_granted INSTEAD OF INSERT ON steps WHEN new.step = 'granted' BEGIN
    INSERT INTO step_granted (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_words INSTEAD OF INSERT ON steps WHEN new.step = 'words' BEGIN
    INSERT INTO step_words (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_shown INSTEAD OF INSERT ON steps WHEN new.step = 'shown' BEGIN
    INSERT INTO step_shown (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_account INSTEAD OF INSERT ON steps WHEN new.step = 'account' BEGIN
    INSERT INTO step_account (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_people INSTEAD OF INSERT ON steps WHEN new.step = 'people' BEGIN
    INSERT INTO step_people (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_named INSTEAD OF INSERT ON steps WHEN new.step = 'named' BEGIN
    INSERT INTO step_named (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_bound_accounts INSTEAD OF INSERT ON steps WHEN new.step = 'bound_accounts' BEGIN
    INSERT INTO step_bound_accounts (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_bound_people INSTEAD OF INSERT ON steps WHEN new.step = 'bound_people' BEGIN
    INSERT INTO step_bound_people (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_records INSTEAD OF INSERT ON steps WHEN new.step = 'records' BEGIN
    INSERT INTO step_records (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_record INSTEAD OF INSERT ON steps WHEN new.step = 'record' BEGIN
    INSERT INTO step_record (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_success INSTEAD OF INSERT ON steps WHEN new.step = 'success' BEGIN
    INSERT INTO step_success (rows, common) VALUES (new.rows, new.common);
END;

CREATE TRIGGER steps_audit INSTEAD OF INSERT ON steps WHEN new.step = 'audit' BEGIN
    INSERT INTO step_audit (rows, common) VALUES (new.rows, new.common);
END;

-- Accounts of which nothing else is known than what a connector says. In common: the owner, the origin and the time. A row: the key, the package,
-- the name, the folded name, the registration id, and the number of that. An account without a package gets the default of its owner, or
-- of the nearest above that has one: mostly it is the owner that has one, and then nobody climbs.
CREATE TRIGGER step_accounts_taken INSTEAD OF INSERT ON step_accounts BEGIN
    INSERT INTO accounts (owner_id, origin, created_at, updated_at, account_key, package_id, name, name_key, registration_id,
                          registration_number)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, new.common ->> 2, value ->> 0,
           coalesce(value ->> 1, (SELECT id FROM packages WHERE owner_id = new.common ->> 0 AND is_default = 1), (
               WITH RECURSIVE chain(id, depth) AS (
                   SELECT new.common ->> 0, 0
                   UNION ALL SELECT o.owner_id, chain.depth + 1 FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
               SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1 ORDER BY chain.depth LIMIT 1)),
           value ->> 2, value ->> 3, value ->> 4, value ->> 5
      FROM json_each(new.rows);
    UPDATE accounts SET descendants = descendants + json_array_length(new.rows) WHERE id IN (
        WITH RECURSIVE chain(id) AS (
            SELECT new.common ->> 0
            UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
        SELECT id FROM chain);
END;

-- The same of accounts of which more is known. It is a step of its own, for each insert of rows takes a table in between.
CREATE TRIGGER step_whole_accounts_taken INSTEAD OF INSERT ON step_whole_accounts BEGIN
    INSERT INTO accounts (owner_id, origin, created_at, updated_at, account_key, package_id, name, name_key, registration_id,
                          registration_number, name_reserved, description, primary_contact, country, type, status, suspended_from_above,
                          subdomain, domain, email_admin, datashare, people_name, people_registration_id, above_name,
                          above_registration_id)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, new.common ->> 2, value ->> 0,
           coalesce(value ->> 1, (SELECT id FROM packages WHERE owner_id = new.common ->> 0 AND is_default = 1), (
               WITH RECURSIVE chain(id, depth) AS (
                   SELECT new.common ->> 0, 0
                   UNION ALL SELECT o.owner_id, chain.depth + 1 FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
               SELECT p.id FROM chain JOIN packages p ON p.owner_id = chain.id AND p.is_default = 1 ORDER BY chain.depth LIMIT 1)),
           value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
           value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19,
           value ->> 20
      FROM json_each(new.rows);
    UPDATE accounts SET descendants = descendants + json_array_length(new.rows) WHERE id IN (
        WITH RECURSIVE chain(id) AS (
            SELECT new.common ->> 0
            UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
        SELECT id FROM chain);
END;

-- Whoever makes an account is its owner and admin. In common: the time, and the actor, the API and the request for the audit. The rows are one: the
-- account or its key, and the person. The names of a confined person go along: there is no other way in to the account.
CREATE TRIGGER step_founders_taken INSTEAD OF INSERT ON step_founders BEGIN
    INSERT INTO memberships (account_id, person_id, known_as, status, entered_at, created_at, updated_at)
    SELECT iif(typeof(new.rows ->> 0) = 'integer', new.rows ->> 0, (SELECT id FROM accounts WHERE account_key = new.rows ->> 0)), new.rows ->> 1,
           new.rows ->> 1, 'active', new.common ->> 0, new.common ->> 0, new.common ->> 0
     WHERE true ON CONFLICT (account_id, person_id) DO NOTHING;
    INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
    SELECT iif(typeof(new.rows ->> 0) = 'integer', new.rows ->> 0, (SELECT id FROM accounts WHERE account_key = new.rows ->> 0)), new.rows ->> 1,
           'founder', value, new.common ->> 1, 'owner', new.common ->> 0
      FROM json_each('["owner", "admin"]') WHERE true ON CONFLICT DO NOTHING;
    INSERT INTO usernames (account_id, key, name, person_id, kind)
    SELECT DISTINCT iif(typeof(new.rows ->> 0) = 'integer', new.rows ->> 0, (SELECT id FROM accounts WHERE account_key = new.rows ->> 0)),
           n.key, n.name, n.person_id, n.kind
      FROM usernames n
     WHERE n.person_id = new.rows ->> 1 AND EXISTS (SELECT 1 FROM people p WHERE p.id = n.person_id AND p.confined = 1)
        ON CONFLICT (account_id, key) DO NOTHING;
    INSERT INTO audit (at, actor, api, request_id, action, subject, subject_id, account_id, detail)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 2, new.common ->> 3, 'granted', 'memberships', new.rows ->> 1, account,
           json_object('account', account, 'after', json_object('roles', json_array('owner', 'admin')), 'door', 'founder')
      FROM (SELECT iif(typeof(new.rows ->> 0) = 'integer', new.rows ->> 0, (SELECT id FROM accounts WHERE account_key = new.rows ->> 0)) AS account);
END;

-- What a door gives to somebody who has nothing to do with the account, or was removed from it. In common: the time, the door, the actor, the rank
-- of that, how the membership begins, the roles, and the first of the ids that memberships draw and how many there are beside it. The rows are
-- one: the account, the person, by which id the account knows it, if that was told, and by which address.
CREATE TRIGGER step_granted_taken INSTEAD OF INSERT ON step_granted BEGIN
    INSERT INTO memberships (account_id, person_id, known_as, known_by, status, created_at, updated_at)
    SELECT new.rows ->> 0, new.rows ->> 1, coalesce(new.rows ->> 2, new.common ->> 6 + (random() & (new.common ->> 7))), new.rows ->> 3,
           new.common ->> 4, new.common ->> 0, new.common ->> 0
     WHERE true
        ON CONFLICT (account_id, person_id) DO UPDATE
           SET status = excluded.status, known_by = coalesce(known_by, excluded.known_by), blocked_rank = NULL, blocked_by = NULL,
               entered_at = iif(excluded.status = 'invited', NULL, entered_at), updated_at = excluded.updated_at;
    INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at)
    SELECT new.rows ->> 0, new.rows ->> 1, new.common ->> 1, value, new.common ->> 2, new.common ->> 3, new.common ->> 0
      FROM json_each(new.common, '$[5]') WHERE true ON CONFLICT DO NOTHING;
END;

-- What connectors say of accounts and is not what is shown, see `accounts/sources/words.rs`. A row: the connector, its external id, the field,
-- and what it says, or null where that is what is shown.
CREATE TRIGGER step_words_taken INSTEAD OF INSERT ON step_words BEGIN
    UPDATE account_identities SET name = value ->> 3 FROM json_each(new.rows)
     WHERE connector_id = value ->> 0 AND external_id = value ->> 1 AND value ->> 2 = 'name';
    UPDATE account_identities SET registration_id = value ->> 3 FROM json_each(new.rows)
     WHERE connector_id = value ->> 0 AND external_id = value ->> 1 AND value ->> 2 = 'registrationId';
END;

-- What is shown of accounts. In common: the time. A row: the account, its name and the folded name, its registration id and the number of that.
-- What is null stays.
CREATE TRIGGER step_shown_taken INSTEAD OF INSERT ON step_shown BEGIN
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
CREATE TRIGGER step_account_taken INSTEAD OF INSERT ON step_account BEGIN
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
CREATE TRIGGER step_people_taken INSTEAD OF INSERT ON step_people BEGIN
    INSERT INTO people (origin, created_at, updated_at, uuid, name, first_name, last_name, password_hash, password_version, confined,
                        leads_to)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
           value ->> 5, value ->> 6, value ->> 7
      FROM json_each(new.rows);
END;

-- People whom an address names and nothing else. In common: the origin, the time, until when an address was given up for nobody to have it any
-- more, and the actor, the API and the request for the audit. A row: the UUID, the key of the address, and the address if that is another
-- text. An address that its person has given up, and may take back, stays the person's and names somebody beside.
CREATE TRIGGER step_named_taken INSTEAD OF INSERT ON step_named BEGIN
    INSERT INTO people (origin, created_at, updated_at, uuid)
    SELECT (SELECT new.common ->> 0), (SELECT new.common ->> 1), (SELECT new.common ->> 1), value ->> 0 FROM json_each(new.rows);
    -- The ids of one statement follow each other.
    INSERT INTO addresses (key, address, person_id)
    SELECT value ->> 1, coalesce(value ->> 2, value ->> 1),
           (SELECT max(id) - json_array_length(new.rows) + 1 FROM people) + key
      FROM json_each(new.rows) WHERE true
        ON CONFLICT (key) DO UPDATE
           SET next_id = CASE WHEN retired_at > new.common ->> 2 THEN excluded.person_id END,
               person_id = CASE WHEN retired_at > new.common ->> 2 THEN person_id ELSE excluded.person_id END,
               address = CASE WHEN retired_at > new.common ->> 2 THEN address ELSE excluded.address END,
               proved_at = CASE WHEN retired_at > new.common ->> 2 THEN proved_at END,
               retired_at = CASE WHEN retired_at > new.common ->> 2 THEN retired_at END;
    INSERT INTO audit (at, actor, api, action, subject, subject_id, request_id)
    SELECT (SELECT new.common ->> 1), (SELECT new.common ->> 3), (SELECT new.common ->> 4), 'created', 'people', id, (SELECT new.common ->> 5)
      FROM people
     WHERE id > (SELECT max(id) - json_array_length(new.rows) FROM people) ORDER BY id;
END;

-- What a connector calls accounts. In common: the connector, the time, how many accounts the step `accounts` of the same statement has made, and
-- the actor, the API and the request for the audit. A row: the external id, and the account or the place among those, from -1 downwards.
CREATE TRIGGER step_bound_accounts_taken INSTEAD OF INSERT ON step_bound_accounts BEGIN
    INSERT INTO account_identities (connector_id, external_id, account_id, created_at)
    SELECT (SELECT new.common ->> 0), value ->> 0,
           iif(value ->> 1 > 0, value ->> 1, (SELECT max(id) - (new.common ->> 2) FROM accounts) - (value ->> 1)), (SELECT new.common ->> 1)
      FROM json_each(new.rows) WHERE true
        ON CONFLICT (connector_id, external_id) DO UPDATE
           SET account_id = excluded.account_id, created_at = excluded.created_at, name = NULL, registration_id = NULL;
    INSERT INTO audit (at, actor, api, action, subject, subject_id, account_id, detail, request_id)
    SELECT (SELECT new.common ->> 1), (SELECT new.common ->> 3), (SELECT new.common ->> 4), 'bound', 'accounts', account_id, account_id,
           json_object('connector', (SELECT new.common ->> 0), 'externalId', external_id), (SELECT new.common ->> 5)
      FROM (SELECT value ->> 0 AS external_id,
                   iif(value ->> 1 > 0, value ->> 1, (SELECT max(id) - (new.common ->> 2) FROM accounts) - (value ->> 1)) AS account_id
              FROM json_each(new.rows));
END;

-- What a connector calls people. In common: the connector, the time, how many people the step `named` of the same statement has made, and the
-- actor, the API and the request. A row: the external id, the person or the place among those, from -1 downwards, and the key of the
-- address that the connector says.
CREATE TRIGGER step_bound_people_taken INSTEAD OF INSERT ON step_bound_people BEGIN
    INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key)
    SELECT (SELECT new.common ->> 0), value ->> 0,
           iif(value ->> 1 > 0, value ->> 1, (SELECT max(id) - (new.common ->> 2) FROM people) - (value ->> 1)),
           (SELECT new.common ->> 1), value ->> 2
      FROM json_each(new.rows) WHERE true
        ON CONFLICT (connector_id, external_id) DO UPDATE SET person_id = excluded.person_id, key = excluded.key;
    INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
    SELECT (SELECT new.common ->> 1), (SELECT new.common ->> 3), (SELECT new.common ->> 4), 'bound', 'people',
           iif(value ->> 1 > 0, value ->> 1, (SELECT max(id) - (new.common ->> 2) FROM people) - (value ->> 1)),
           json_object('connector', (SELECT new.common ->> 0), 'externalId', value ->> 0), (SELECT new.common ->> 5)
      FROM json_each(new.rows);
END;

-- In common: the account and the time. A row: the UUID, who has entered by the record, and what it says.
CREATE TRIGGER step_records_taken INSTEAD OF INSERT ON step_records BEGIN
    INSERT INTO records (account_id, created_at, updated_at, uuid, person_id, name, first_name, last_name, phone, phone_verified, email,
                         email_key, language, time_zone, date_format, username, username_key, external_id, notify_by_email,
                         notify_by_sms, is_active)
    SELECT new.common ->> 0, new.common ->> 1, new.common ->> 1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
           value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
           value ->> 14, value ->> 15, value ->> 16, value ->> 17
      FROM json_each(new.rows);
END;

-- The same of a record that there is. It is found by its UUID: the plus keeps SQLite from walking all records of the account instead.
CREATE TRIGGER step_record_taken INSTEAD OF INSERT ON step_record BEGIN
    UPDATE records
       SET version = version + 1, updated_at = new.common ->> 1, person_id = value ->> 1, name = value ->> 2, first_name = value ->> 3,
           last_name = value ->> 4, phone = value ->> 5, phone_verified = value ->> 6, email = value ->> 7, email_key = value ->> 8,
           language = value ->> 9, time_zone = value ->> 10, date_format = value ->> 11, username = value ->> 12,
           username_key = value ->> 13, external_id = value ->> 14, notify_by_email = value ->> 15, notify_by_sms = value ->> 16,
           is_active = value ->> 17
      FROM json_each(new.rows) WHERE records.uuid = value ->> 0 AND +records.account_id = new.common ->> 0;
END;

-- A write of a connector has succeeded, see `connectors/health.rs`. In common: the connector and the time. Health is told to the second.
CREATE TRIGGER step_success_taken INSTEAD OF INSERT ON step_success BEGIN
    UPDATE connectors SET last_success_at = new.common ->> 1, failures = 0
     WHERE id = new.common ->> 0
       AND (failures > 0 OR last_success_at IS NULL OR last_success_at / 1000 <> (new.common ->> 1) / 1000);
END;

-- In common: the time, the actor, the API and the request. A note: the action, the table, the row, what more there is to say of it, and the account
-- that it is about: of an account itself, if there is none.
CREATE TRIGGER step_audit_taken INSTEAD OF INSERT ON step_audit BEGIN
    INSERT INTO audit (at, actor, api, request_id, action, subject, subject_id, detail, account_id)
    SELECT (SELECT new.common ->> 0), (SELECT new.common ->> 1), (SELECT new.common ->> 2), (SELECT new.common ->> 3), action, subject, id,
           detail, coalesce(account, iif(subject = 'accounts', id, NULL))
      FROM (SELECT value ->> 0 AS action, value ->> 1 AS subject,
                   CASE WHEN typeof(value ->> 2) = 'integer' THEN value ->> 2
                        WHEN value ->> 1 = 'accounts' THEN (SELECT id FROM accounts WHERE account_key = value ->> 2)
                        WHEN value ->> 1 = 'people' THEN (SELECT id FROM people WHERE uuid = value ->> 2)
                        WHEN value ->> 1 = 'records' THEN (SELECT id FROM records WHERE uuid = value ->> 2)
                   END AS id, value ->> 3 AS detail, value ->> 4 AS account
              FROM json_each(new.rows));
END;
