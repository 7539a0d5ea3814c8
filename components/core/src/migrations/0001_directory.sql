-- The directory: accounts, users and what binds them, for all four APIs.
--
-- Times are integers, milliseconds since 1970-01-01T00:00:00Z. Flags are 0 or 1. A column that ends in _key holds what
-- its neighbour compares by (trimmed, Unicode case folded). A statement ends with a semicolon at the end of a line.

-- Collections of account settings. An account's customers get the owner's default package.
CREATE TABLE packages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    is_default  INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX packages_default ON packages(owner_id) WHERE is_default = 1;
CREATE INDEX packages_owner ON packages(owner_id);

-- Organisations. The one without an owner is the operator; a unique index keeps it the only one.
CREATE TABLE accounts (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id          INTEGER REFERENCES accounts(id) ON DELETE RESTRICT,
    account_key       TEXT NOT NULL UNIQUE,
    registration_id   TEXT,
    type              TEXT NOT NULL DEFAULT 'standard' CHECK (type IN ('standard', 'reseller')),
    status            TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    name              TEXT NOT NULL,
    name_key          TEXT NOT NULL,
    -- 1 where the name was taken through the accounts API, which keeps names apart.
    name_reserved     INTEGER NOT NULL DEFAULT 0 CHECK (name_reserved IN (0, 1)),
    description       TEXT,
    primary_contact   TEXT,
    country           TEXT,
    subdomain         TEXT COLLATE NOCASE UNIQUE,
    domain            TEXT,
    package_id        INTEGER REFERENCES packages(id) ON DELETE RESTRICT,
    email_admin       TEXT,
    datashare         INTEGER NOT NULL DEFAULT 0 CHECK (datashare IN (0, 1)),
    origin            TEXT NOT NULL CHECK (origin IN ('operator', 'portal', 'administration', 'accounts')),
    version           INTEGER NOT NULL DEFAULT 1,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    CHECK (owner_id IS NULL OR owner_id <> id)
) STRICT;

CREATE UNIQUE INDEX accounts_operator ON accounts((owner_id IS NULL)) WHERE owner_id IS NULL;
CREATE UNIQUE INDEX accounts_registration ON accounts(owner_id, registration_id) WHERE registration_id IS NOT NULL;
CREATE UNIQUE INDEX accounts_reserved_name ON accounts(name_key) WHERE name_reserved = 1;
CREATE INDEX accounts_owner ON accounts(owner_id, id);
CREATE INDEX accounts_name ON accounts(name_key, id);
CREATE INDEX accounts_package ON accounts(package_id) WHERE package_id IS NOT NULL;

-- People who can sign in: the "Account" of the endpoint API, the users of the portal and the accounts API. account_id is
-- the endpoint API's TenantId.
CREATE TABLE users (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid              TEXT NOT NULL UNIQUE,
    account_id        INTEGER NOT NULL REFERENCES accounts(id) ON DELETE RESTRICT,
    username          TEXT,
    username_key      TEXT UNIQUE,
    email             TEXT,
    email_key         TEXT UNIQUE,
    email_verified    INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    phone             TEXT UNIQUE,
    phone_verified    INTEGER NOT NULL DEFAULT 0 CHECK (phone_verified IN (0, 1)),
    external_id       TEXT UNIQUE,
    name              TEXT,
    first_name        TEXT,
    last_name         TEXT,
    language          TEXT,
    time_zone         TEXT,
    date_format       TEXT,
    notify_by_email   INTEGER NOT NULL DEFAULT 0 CHECK (notify_by_email IN (0, 1)),
    notify_by_sms     INTEGER NOT NULL DEFAULT 0 CHECK (notify_by_sms IN (0, 1)),
    is_active         INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    -- Argon2id in PHC form. The version counts its changes, so that nothing remembered outlives one.
    password_hash     TEXT,
    password_version  INTEGER NOT NULL DEFAULT 0,
    origin            TEXT NOT NULL CHECK (origin IN ('operator', 'portal', 'endpoint', 'administration', 'accounts')),
    version           INTEGER NOT NULL DEFAULT 1,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL))
) STRICT;

CREATE INDEX users_account ON users(account_id, id);

-- User × account.
CREATE TABLE memberships (
    account_id  INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    status      TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('invited', 'active', 'inactive')),
    -- 'portal' while nothing but portal bindings holds the membership: it goes with the last of them.
    origin      TEXT NOT NULL CHECK (origin IN ('operator', 'portal', 'administration', 'accounts')),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_user ON memberships(user_id, account_id);

CREATE TABLE membership_roles (
    account_id  INTEGER NOT NULL,
    user_id     INTEGER NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'manage', 'user', 'viewer')),
    PRIMARY KEY (account_id, user_id, role),
    FOREIGN KEY (account_id, user_id) REFERENCES memberships(account_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- OAuth clients of an account: the portal's connectors and the administration API's app connections.
CREATE TABLE connectors (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id          INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    client_id           TEXT NOT NULL UNIQUE,
    secret_hash         TEXT NOT NULL,
    secret_version      INTEGER NOT NULL DEFAULT 1,
    scopes              TEXT NOT NULL,
    name                TEXT NOT NULL,
    integration         TEXT NOT NULL DEFAULT '',
    property            TEXT NOT NULL DEFAULT '',
    environment         TEXT NOT NULL DEFAULT 'production' CHECK (environment IN ('production', 'sandbox')),
    status              TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'inactive')),
    token_expires_at    INTEGER,
    last_success_at     INTEGER,
    last_failure_at     INTEGER,
    last_failure        TEXT,
    failures            INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

CREATE INDEX connectors_account ON connectors(account_id, id);

-- (connector, external id) → account, and → user.
CREATE TABLE account_identities (
    connector_id  INTEGER NOT NULL REFERENCES connectors(id) ON DELETE CASCADE,
    external_id   TEXT NOT NULL,
    account_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (connector_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_identities_account ON account_identities(account_id, connector_id);

CREATE TABLE user_identities (
    connector_id  INTEGER NOT NULL REFERENCES connectors(id) ON DELETE CASCADE,
    external_id   TEXT NOT NULL,
    user_id       INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (connector_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_identities_user ON user_identities(user_id, connector_id);

-- The portal's user bindings as they were sent: (connector, external user id) belongs to the account, also while the
-- user is not known yet. A membership follows as soon as there is an identity of that external id.
CREATE TABLE user_bindings (
    connector_id  INTEGER NOT NULL REFERENCES connectors(id) ON DELETE CASCADE,
    external_id   TEXT NOT NULL,
    account_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (connector_id, external_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_bindings_account ON user_bindings(account_id, connector_id);

-- Public halves of the signing keys; the private ones are in the key-value store that only oauth may open.
CREATE TABLE signing_keys (
    kid         TEXT PRIMARY KEY,
    algorithm   TEXT NOT NULL CHECK (algorithm IN ('EdDSA', 'ES256', 'RS256')),
    public_jwk  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    -- Signs no more from here on, …
    retires_at  INTEGER NOT NULL,
    -- … and verifies until here: the last token that it signed has expired.
    expires_at  INTEGER NOT NULL,
    CHECK (created_at <= retires_at AND retires_at <= expires_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX signing_keys_current ON signing_keys(algorithm, retires_at);
CREATE INDEX signing_keys_expiry ON signing_keys(expires_at);

-- Access tokens that were revoked before they expired.
CREATE TABLE revoked_tokens (
    jti         TEXT PRIMARY KEY,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_expiry ON revoked_tokens(expires_at);

-- Refresh tokens by digest. Each use marks one as used and adds its successor to the family; a second use of the same
-- one ends the family.
CREATE TABLE refresh_tokens (
    digest        BLOB PRIMARY KEY,
    family        TEXT NOT NULL,
    connector_id  INTEGER REFERENCES connectors(id) ON DELETE CASCADE,
    user_id       INTEGER REFERENCES users(id) ON DELETE CASCADE,
    account_id    INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    scopes        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    used_at       INTEGER,
    CHECK ((connector_id IS NULL) <> (user_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_family ON refresh_tokens(family);
CREATE INDEX refresh_tokens_connector ON refresh_tokens(connector_id) WHERE connector_id IS NOT NULL;
CREATE INDEX refresh_tokens_user ON refresh_tokens(user_id) WHERE user_id IS NOT NULL;
CREATE INDEX refresh_tokens_account ON refresh_tokens(account_id) WHERE account_id IS NOT NULL;
CREATE INDEX refresh_tokens_expiry ON refresh_tokens(expires_at);

-- Failed sign-ins since window_start, per identity and per address.
CREATE TABLE sign_in_failures (
    subject       TEXT PRIMARY KEY,
    window_start  INTEGER NOT NULL,
    failures      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_failures_window ON sign_in_failures(window_start);

-- Who changed what, written in the transaction that changed it. Rows outlive what they speak of: no foreign keys.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    api         TEXT NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    subject_id  INTEGER NOT NULL,
    detail      TEXT,
    request_id  TEXT NOT NULL
) STRICT;

CREATE INDEX audit_subject ON audit(subject, subject_id, id);
