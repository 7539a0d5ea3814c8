-- Signing up, invitations, mail, and requests that may be sent again.

-- Links that work once, by the digest of what is secret in them. A user has one per purpose (and account): making
-- another ends the first.
CREATE TABLE one_time_tokens (
    digest      BLOB PRIMARY KEY,
    purpose     TEXT NOT NULL CHECK (purpose IN ('invitation', 'verify_email', 'reset_password')),
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    -- What an invitation is to. It stays until it is accepted, also when it has expired: it tells that nobody has yet.
    account_id  INTEGER,
    -- Where it was sent. It proves nothing of another address.
    email_key   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    FOREIGN KEY (account_id, user_id) REFERENCES memberships(account_id, user_id) ON DELETE CASCADE,
    CHECK ((purpose = 'invitation') = (account_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_time_tokens_user ON one_time_tokens(user_id, purpose, coalesce(account_id, 0));
CREATE INDEX one_time_tokens_membership ON one_time_tokens(account_id, user_id) WHERE account_id IS NOT NULL;

-- Mail to be sent. A row goes when the relay has taken it.
CREATE TABLE outbox (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Tells the relay a second delivery from a second message.
    uuid             TEXT NOT NULL,
    recipient        TEXT NOT NULL,
    subject          TEXT NOT NULL,
    text             TEXT NOT NULL,
    html             TEXT NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    next_attempt_at  INTEGER NOT NULL,
    last_failure     TEXT,
    created_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_due ON outbox(next_attempt_at);

-- The first answer to each Idempotency-Key, per caller.
CREATE TABLE idempotency_keys (
    caller       TEXT NOT NULL,
    key          TEXT NOT NULL,
    -- Of method, path and body; Argon2id where there is a password in the body.
    fingerprint  TEXT NOT NULL,
    status       INTEGER NOT NULL,
    location     TEXT,
    body         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_age ON idempotency_keys(created_at);

-- Sign-ups since window_start, per address.
CREATE TABLE sign_ups (
    address       TEXT PRIMARY KEY,
    window_start  INTEGER NOT NULL,
    count         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_ups_window ON sign_ups(window_start);
