-- What stands within a text leads to an index: every three characters of what `$search` looks in, case ignored as SQLite's FTS5 ignores it. The
-- index narrows what is looked at, and decides nothing: see odata/words.rs. It has no positions and no sizes, which nothing asks for.

CREATE VIRTUAL TABLE account_words USING fts5 (name, description, primary_contact, content = 'accounts', content_rowid = 'id',
    tokenize = 'trigram', detail = none, columnsize = 0);

-- One segment at the end of the row: writes go on merging small ones, and none of them waits for what was built here.
INSERT INTO account_words (account_words) VALUES ('rebuild');

INSERT INTO account_words (account_words) VALUES ('optimize');

-- What goes out of the index is told as it came in: only so FTS5 finds it.
CREATE TRIGGER account_words_inserted AFTER INSERT ON accounts BEGIN
    INSERT INTO account_words (rowid, name, description, primary_contact)
    VALUES (new.id, new.name, new.description, new.primary_contact);
END;

CREATE TRIGGER account_words_deleted AFTER DELETE ON accounts BEGIN
    INSERT INTO account_words (account_words, rowid, name, description, primary_contact)
    VALUES ('delete', old.id, old.name, old.description, old.primary_contact);
END;

CREATE TRIGGER account_words_updated AFTER UPDATE OF name, description, primary_contact ON accounts
    WHEN old.name IS NOT new.name OR old.description IS NOT new.description OR old.primary_contact IS NOT new.primary_contact BEGIN
    INSERT INTO account_words (account_words, rowid, name, description, primary_contact)
    VALUES ('delete', old.id, old.name, old.description, old.primary_contact);
    INSERT INTO account_words (rowid, name, description, primary_contact)
    VALUES (new.id, new.name, new.description, new.primary_contact);
END;

-- The same of what the endpoint API's records say.
CREATE VIRTUAL TABLE record_words USING fts5 (name, first_name, last_name, email, username, external_id, content = 'records',
    content_rowid = 'id', tokenize = 'trigram', detail = none, columnsize = 0);

INSERT INTO record_words (record_words) VALUES ('rebuild');

INSERT INTO record_words (record_words) VALUES ('optimize');

CREATE TRIGGER record_words_inserted AFTER INSERT ON records BEGIN
    INSERT INTO record_words (rowid, name, first_name, last_name, email, username, external_id)
    VALUES (new.id, new.name, new.first_name, new.last_name, new.email, new.username, new.external_id);
END;

CREATE TRIGGER record_words_deleted AFTER DELETE ON records BEGIN
    INSERT INTO record_words (record_words, rowid, name, first_name, last_name, email, username, external_id)
    VALUES ('delete', old.id, old.name, old.first_name, old.last_name, old.email, old.username, old.external_id);
END;

CREATE TRIGGER record_words_updated AFTER UPDATE OF name, first_name, last_name, email, username, external_id ON records
    WHEN old.name IS NOT new.name OR old.first_name IS NOT new.first_name OR old.last_name IS NOT new.last_name
      OR old.email IS NOT new.email OR old.username IS NOT new.username OR old.external_id IS NOT new.external_id BEGIN
    INSERT INTO record_words (record_words, rowid, name, first_name, last_name, email, username, external_id)
    VALUES ('delete', old.id, old.name, old.first_name, old.last_name, old.email, old.username, old.external_id);
    INSERT INTO record_words (rowid, name, first_name, last_name, email, username, external_id)
    VALUES (new.id, new.name, new.first_name, new.last_name, new.email, new.username, new.external_id);
END;

-- Who has entered an account, by name, and with the words by which such a person is found: the names, the addresses that sign in, and the
-- address that a sign-up has named. What is told of people stands in four tables; here it follows from them, and nobody writes it but the
-- triggers below.
CREATE TABLE entered_people (
    person_id  INTEGER PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE,
    name       TEXT,
    words      TEXT NOT NULL
) STRICT;

CREATE INDEX entered_people_name ON entered_people(name, person_id);

-- What it has to be. An insert makes it so of the person whom it names; an import does it once, at its end.
CREATE VIEW entered_people_now AS
    SELECT p.id AS person_id, p.name,
           coalesce(p.name, '') || coalesce(char(10) || p.first_name, '') || coalesce(char(10) || p.last_name, '')
           || coalesce((SELECT char(10) || group_concat(d.address, char(10))
                          FROM (SELECT address FROM addresses WHERE person_id = p.id AND proved_at IS NOT NULL AND retired_at IS NULL
                                 ORDER BY key) d), '')
           || coalesce((SELECT char(10) || group_concat(n.name, char(10))
                          FROM (SELECT name FROM usernames WHERE person_id = p.id AND kind = 'claim' ORDER BY account_id, key) n), '') AS words
      FROM people p
     WHERE EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id AND m.entered_at IS NOT NULL AND m.status = 'active');

INSERT INTO entered_people (person_id, name, words) SELECT person_id, name, words FROM entered_people_now;

CREATE TRIGGER entered_people_again INSTEAD OF INSERT ON entered_people_now WHEN NOT EXISTS (SELECT 1 FROM imports) BEGIN
    DELETE FROM entered_people
     WHERE person_id = new.person_id AND NOT EXISTS (SELECT 1 FROM entered_people_now WHERE person_id = new.person_id);
    INSERT INTO entered_people (person_id, name, words)
    SELECT person_id, name, words FROM entered_people_now WHERE person_id = new.person_id
        ON CONFLICT (person_id) DO UPDATE SET name = excluded.name, words = excluded.words
           WHERE name IS NOT excluded.name OR words <> excluded.words;
END;

CREATE TRIGGER entered_people_by_name AFTER UPDATE OF name, first_name, last_name ON people
    WHEN old.name IS NOT new.name OR old.first_name IS NOT new.first_name OR old.last_name IS NOT new.last_name BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.id);
END;

CREATE TRIGGER entered_people_by_membership AFTER INSERT ON memberships WHEN new.entered_at IS NOT NULL AND new.status = 'active' BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
END;

CREATE TRIGGER entered_people_without_membership AFTER DELETE ON memberships
    WHEN old.entered_at IS NOT NULL AND old.status = 'active' BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (old.person_id);
END;

CREATE TRIGGER entered_people_by_other_membership AFTER UPDATE OF person_id, entered_at, status ON memberships
    WHEN old.person_id <> new.person_id OR (old.entered_at IS NOT NULL AND old.status = 'active')
                                        <> (new.entered_at IS NOT NULL AND new.status = 'active') BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
    INSERT INTO entered_people_now (person_id) SELECT old.person_id WHERE old.person_id <> new.person_id;
END;

CREATE TRIGGER entered_people_by_address AFTER INSERT ON addresses WHEN new.proved_at IS NOT NULL BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
END;

CREATE TRIGGER entered_people_without_address AFTER DELETE ON addresses WHEN old.proved_at IS NOT NULL BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (old.person_id);
END;

CREATE TRIGGER entered_people_by_other_address AFTER UPDATE OF address, person_id, proved_at, retired_at ON addresses
    WHEN old.address <> new.address OR old.person_id <> new.person_id OR (old.proved_at IS NULL) <> (new.proved_at IS NULL)
      OR (old.retired_at IS NULL) <> (new.retired_at IS NULL) BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
    INSERT INTO entered_people_now (person_id) SELECT old.person_id WHERE old.person_id <> new.person_id;
END;

CREATE TRIGGER entered_people_by_claim AFTER INSERT ON usernames WHEN new.kind = 'claim' BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
END;

CREATE TRIGGER entered_people_without_claim AFTER DELETE ON usernames WHEN old.kind = 'claim' BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (old.person_id);
END;

CREATE TRIGGER entered_people_by_other_claim AFTER UPDATE OF person_id, name, kind, account_id ON usernames
    WHEN old.kind = 'claim' OR new.kind = 'claim' BEGIN
    INSERT INTO entered_people_now (person_id) VALUES (new.person_id);
    INSERT INTO entered_people_now (person_id) SELECT old.person_id WHERE old.person_id <> new.person_id;
END;

-- Not without any detail, as the others are: secure-delete then loses rows of one statement before SQLite 3.54.
CREATE VIRTUAL TABLE person_words USING fts5 (words, content = 'entered_people', content_rowid = 'person_id', tokenize = 'trigram',
    detail = column, columnsize = 0);

-- Who is erased leaves no trigram behind: what goes out of the index goes at once, and not when a later merge comes across it.
INSERT INTO person_words (person_words, rank) VALUES ('secure-delete', 1);

INSERT INTO person_words (person_words) VALUES ('rebuild');

INSERT INTO person_words (person_words) VALUES ('optimize');

CREATE TRIGGER person_words_inserted AFTER INSERT ON entered_people BEGIN
    INSERT INTO person_words (rowid, words) VALUES (new.person_id, new.words);
END;

CREATE TRIGGER person_words_deleted AFTER DELETE ON entered_people BEGIN
    INSERT INTO person_words (person_words, rowid, words) VALUES ('delete', old.person_id, old.words);
END;

CREATE TRIGGER person_words_updated AFTER UPDATE OF words ON entered_people WHEN old.words <> new.words BEGIN
    INSERT INTO person_words (person_words, rowid, words) VALUES ('delete', old.person_id, old.words);
    INSERT INTO person_words (rowid, words) VALUES (new.person_id, new.words);
END;
