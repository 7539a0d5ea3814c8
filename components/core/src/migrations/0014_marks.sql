-- What marks the ID tokens that the key signs, so that they are known again when they come back as hints. It is random, and goes
-- with the key. Keys of before get one here: what they have signed until now is not marked, and no hint any more.
ALTER TABLE signing_keys ADD COLUMN mark_key TEXT CHECK (length(mark_key) >= 32);

UPDATE signing_keys SET mark_key = hex(randomblob(32));
