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
