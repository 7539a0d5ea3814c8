-- People whom nobody knows, and what a connector calls them: most of a first load. Who is known already is asked before the plan is made, and
-- again under the lock; who is not is told by the keys of these tables when they are written, so nobody asks. Each column comes as an array of
-- its own, for to take a value out of a row of JSON costs as much as to write it into an index.

CREATE VIEW step_strangers AS SELECT NULL AS rows, NULL AS common WHERE 0;

CREATE TRIGGER steps_strangers INSTEAD OF INSERT ON steps WHEN new.step = 'strangers' BEGIN
    INSERT INTO step_strangers (rows, common) VALUES (new.rows, new.common);
END;

-- In common: the connector, the time, how many they are, the origin, and the actor, the API and the request for the audit. Of each, in the order of
-- the addresses: the UUID; the key of the address, or an array of it and of the address if that is another text; and the external id.
-- None of these addresses and external ids may be there, nor be bound to an account: whoever it means would become a member.
CREATE TRIGGER step_strangers_taken INSTEAD OF INSERT ON step_strangers BEGIN
    SELECT RAISE(ABORT, 'what was read has changed')
     WHERE EXISTS (SELECT 1 FROM user_bindings WHERE connector_id = new.common ->> 0)
       AND EXISTS (SELECT 1 FROM json_each(new.rows, '$.externals')
                    CROSS JOIN user_bindings b ON b.connector_id = (SELECT new.common ->> 0) AND b.external_id = value);
    INSERT INTO people (origin, created_at, updated_at, uuid)
    SELECT (SELECT new.common ->> 3), (SELECT new.common ->> 1), (SELECT new.common ->> 1), value FROM json_each(new.rows, '$.uuids');
    -- The ids of one statement follow each other.
    INSERT INTO addresses (key, address, person_id)
    SELECT iif(type = 'array', value ->> 0, value), iif(type = 'array', value ->> 1, value),
           (SELECT max(id) - (new.common ->> 2) + 1 FROM people) + key
      FROM json_each(new.rows, '$.addresses') WHERE true
        ON CONFLICT (key) DO UPDATE SET person_id = RAISE(ABORT, 'what was read has changed');
    -- In the order of its key an index takes them faster.
    INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key)
    SELECT (SELECT new.common ->> 0), value, (SELECT max(id) - (new.common ->> 2) + 1 FROM people) + json_each.key, (SELECT new.common ->> 1),
           (SELECT d.key FROM addresses d WHERE d.person_id = (SELECT max(id) - (new.common ->> 2) + 1 FROM people) + json_each.key)
      FROM json_each(new.rows, '$.externals') WHERE true ORDER BY value
        ON CONFLICT (connector_id, external_id) DO UPDATE SET person_id = RAISE(ABORT, 'what was read has changed');
    INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
    SELECT (SELECT new.common ->> 1), (SELECT new.common ->> 4), (SELECT new.common ->> 5), a.column1, 'people', i.person_id,
           iif(a.column1 = 'bound', json_object('connector', i.connector_id, 'externalId', i.external_id), NULL), (SELECT new.common ->> 6)
      FROM person_identities i CROSS JOIN (VALUES ('created'), ('bound')) a
     WHERE i.person_id > (SELECT max(id) - (new.common ->> 2) FROM people) ORDER BY i.person_id;
END;
