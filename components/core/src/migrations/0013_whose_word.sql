-- Which account suspended this one, where an account above did: that one lifts it, or one above that. Null where it suspended
-- itself, and where the account that owns it did before this was noted.
ALTER TABLE accounts ADD COLUMN suspended_by INTEGER REFERENCES accounts(id) ON DELETE SET NULL
    CHECK (suspended_by IS NULL OR status = 'inactive');

CREATE INDEX accounts_suspended_by ON accounts(suspended_by) WHERE suspended_by IS NOT NULL;
