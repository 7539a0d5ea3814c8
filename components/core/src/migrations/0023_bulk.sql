-- What a large body costs while it holds the write lock. Its steps read JSON, and to take a value out of a row of it costs as much as to write the
-- row into an index. So what all rows have in common is taken out once (a query in an expression is asked once), what a step has just made is told
-- by its place and not looked up, and what the audit says of it follows from it.

DROP TRIGGER steps_account_identities;
DROP TRIGGER steps_addresses;
DROP TRIGGER steps_person_identities;
DROP TRIGGER steps_audit;

-- People whom an address names and nothing else. In common: the origin, the time, until when an address was given up for nobody to have it any
-- more, and the actor, the API and the request for the audit. A row: the UUID, the key of the address, and the address if that is another
-- text. An address that its person has given up, and may take back, stays the person's and names somebody beside.
CREATE TRIGGER steps_named INSTEAD OF INSERT ON steps WHEN new.step = 'named' BEGIN
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
CREATE TRIGGER steps_bound_accounts INSTEAD OF INSERT ON steps WHEN new.step = 'bound_accounts' BEGIN
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
CREATE TRIGGER steps_bound_people INSTEAD OF INSERT ON steps WHEN new.step = 'bound_people' BEGIN
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

-- In common: the time, the actor, the API and the request. A note: the action, the table, the row, what more there is to say of it, and the account
-- that it is about: of an account itself, if there is none.
CREATE TRIGGER steps_audit INSTEAD OF INSERT ON steps WHEN new.step = 'audit' BEGIN
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
