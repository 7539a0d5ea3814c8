-- Sessions of people who signed in through a client.

-- A refresh token belongs to a connector, to a person, or to a person through a connector: then both are needed to use it.
CREATE TABLE sessions_0006 (
    digest        BLOB PRIMARY KEY,
    family        TEXT NOT NULL,
    connector_id  INTEGER REFERENCES connectors(id) ON DELETE CASCADE,
    user_id       INTEGER REFERENCES users(id) ON DELETE CASCADE,
    account_id    INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    scopes        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    used_at       INTEGER,
    CHECK (connector_id IS NOT NULL OR user_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

INSERT INTO sessions_0006 (digest, family, connector_id, user_id, account_id, scopes, created_at, expires_at, used_at)
SELECT digest, family, connector_id, user_id, account_id, scopes, created_at, expires_at, used_at FROM refresh_tokens;

DROP TABLE refresh_tokens;

ALTER TABLE sessions_0006 RENAME TO refresh_tokens;

CREATE INDEX refresh_tokens_family ON refresh_tokens(family);
-- With the time, so that the oldest of a connector's own are found.
CREATE INDEX refresh_tokens_connector ON refresh_tokens(connector_id, created_at) WHERE connector_id IS NOT NULL;
CREATE INDEX refresh_tokens_user ON refresh_tokens(user_id) WHERE user_id IS NOT NULL;
CREATE INDEX refresh_tokens_account ON refresh_tokens(account_id) WHERE account_id IS NOT NULL;
CREATE INDEX refresh_tokens_expiry ON refresh_tokens(expires_at);
