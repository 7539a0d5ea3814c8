-- One row was a person, what organisations say of the person, and an address that somebody had named. They are apart now:
-- people sign in, addresses are theirs once they are proved, records are what one organisation says, and a membership
-- follows from grants.

-- People. Somebody who is only named by an address has no password, and signs in once the address is proved.
CREATE TABLE people (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid              TEXT NOT NULL UNIQUE,
    -- 1 for a sign-in without a proved address: it reaches the account that it was made with, and what that owns.
    confined          INTEGER NOT NULL DEFAULT 0 CHECK (confined IN (0, 1)),
    -- Who it is now: an id that was given out before it was known whose address it is leads there.
    leads_to          INTEGER REFERENCES people(id) ON DELETE CASCADE,
    name              TEXT,
    first_name        TEXT,
    last_name         TEXT,
    -- Argon2id in PHC form. The version counts its changes, so that nothing remembered outlives one.
    password_hash     TEXT,
    password_version  INTEGER NOT NULL DEFAULT 0,
    origin            TEXT NOT NULL CHECK (origin IN ('operator', 'portal', 'endpoint', 'administration', 'accounts')),
    version           INTEGER NOT NULL DEFAULT 1,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    CHECK (leads_to IS NULL OR (password_hash IS NULL AND leads_to <> id))
) STRICT;

CREATE INDEX people_led ON people(leads_to) WHERE leads_to IS NOT NULL;

-- Mailboxes, each of one person. Without proved_at somebody has named the address, and it proves nothing yet.
CREATE TABLE addresses (
    key         TEXT PRIMARY KEY,
    address     TEXT NOT NULL,
    person_id   INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    proved_at   INTEGER,
    -- Since when it signs in no more. Nobody else gets it while the person may take it back.
    retired_at  INTEGER,
    CHECK (retired_at IS NULL OR proved_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX addresses_person ON addresses(person_id);

-- Names to sign in by that belong to an account: 'name' signs in with the account beside it; so does a 'claim', the address
-- of somebody who has not proved it, which also signs in by itself while nobody has, and a 'former' name, which was one
-- for the whole directory.
CREATE TABLE usernames (
    account_id  INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    name        TEXT NOT NULL,
    person_id   INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('name', 'claim', 'former')),
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX usernames_bare ON usernames(key, person_id) WHERE kind <> 'name';
CREATE INDEX usernames_person ON usernames(person_id);

-- What one organisation says of somebody: the "Account" of the endpoint API. account_id is its TenantId.
CREATE TABLE records (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid             TEXT NOT NULL UNIQUE,
    account_id       INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    -- Who entered the account by it.
    person_id        INTEGER REFERENCES people(id) ON DELETE SET NULL,
    name             TEXT,
    first_name       TEXT,
    last_name        TEXT,
    phone            TEXT,
    phone_verified   INTEGER NOT NULL DEFAULT 0 CHECK (phone_verified IN (0, 1)),
    email            TEXT,
    email_key        TEXT,
    language         TEXT,
    time_zone        TEXT,
    date_format      TEXT,
    username         TEXT,
    username_key     TEXT,
    external_id      TEXT,
    notify_by_email  INTEGER NOT NULL DEFAULT 0 CHECK (notify_by_email IN (0, 1)),
    notify_by_sms    INTEGER NOT NULL DEFAULT 0 CHECK (notify_by_sms IN (0, 1)),
    -- Null until the organisation says so or the contrary.
    is_active        INTEGER CHECK (is_active IN (0, 1)),
    version          INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL))
) STRICT;

CREATE UNIQUE INDEX records_username ON records(account_id, username_key) WHERE username_key IS NOT NULL;
CREATE UNIQUE INDEX records_email ON records(account_id, email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX records_phone ON records(account_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX records_external_id ON records(account_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX records_account ON records(account_id, id);
CREATE INDEX records_person ON records(person_id) WHERE person_id IS NOT NULL;

-- How a person stands to an account.
CREATE TABLE memberships_0005 (
    account_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    person_id     INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    -- 'invited' until the person enters, 'awaiting' until a confined person has proved an address. Three are blocks, which no
    -- grant overrides: 'inactive' and 'removed' are the account's, 'refused' is the person's.
    status        TEXT NOT NULL CHECK (status IN ('invited', 'awaiting', 'active', 'inactive', 'removed', 'refused')),
    -- When the person entered the account for the first time: by an invitation, or by signing in to it.
    entered_at    INTEGER,
    -- The strongest role that the member had when it was blocked: what it takes to lift that.
    blocked_rank  TEXT CHECK (blocked_rank IN ('owner', 'admin', 'manage', 'user', 'viewer')),
    -- The API that set the block.
    blocked_by    TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, person_id)
) STRICT, WITHOUT ROWID;

-- Roles that were given, and through which door. What people decide by hand ('accounts') stands for all others.
CREATE TABLE grants (
    account_id  INTEGER NOT NULL,
    person_id   INTEGER NOT NULL,
    door        TEXT NOT NULL CHECK (door IN ('founder', 'accounts', 'portal', 'endpoint', 'administration')),
    role        TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'manage', 'user', 'viewer')),
    -- Who gave it, as the audit names it, and that one's rank in the account then.
    given_by    TEXT NOT NULL,
    given_rank  TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, person_id, door, role),
    FOREIGN KEY (account_id, person_id) REFERENCES memberships_0005(account_id, person_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What a connector calls a person.
CREATE TABLE person_identities (
    connector_id  INTEGER NOT NULL REFERENCES connectors(id) ON DELETE CASCADE,
    external_id   TEXT NOT NULL,
    person_id     INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (connector_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX person_identities_person ON person_identities(person_id, connector_id);

-- Links in mails, by the digest of what is secret in them. Each acts for the address that it was mailed to.
CREATE TABLE links (
    digest      BLOB PRIMARY KEY,
    purpose     TEXT NOT NULL CHECK (purpose IN
                    ('invitation', 'verify_email', 'reset_password', 'change_email', 'undo_email')),
    person_id   INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    -- What an invitation is to. It stays until it is accepted, also when it has expired: it tells that nobody has yet.
    account_id  INTEGER,
    address     TEXT NOT NULL,
    key         TEXT NOT NULL,
    -- The key of the address that a change has added, which this link takes away again.
    undoes      TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    FOREIGN KEY (account_id, person_id) REFERENCES memberships_0005(account_id, person_id) ON DELETE CASCADE,
    CHECK ((purpose = 'invitation') = (account_id IS NOT NULL)),
    CHECK ((purpose = 'undo_email') = (undoes IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links(person_id, purpose);
CREATE INDEX links_membership ON links(account_id, person_id) WHERE account_id IS NOT NULL;
CREATE INDEX links_expiry ON links(expires_at);

-- A refresh token belongs to a connector, to a person, or to a person through a connector: then both are needed to use it.
CREATE TABLE refresh_tokens_0005 (
    digest        BLOB PRIMARY KEY,
    family        TEXT NOT NULL,
    connector_id  INTEGER REFERENCES connectors(id) ON DELETE CASCADE,
    person_id     INTEGER REFERENCES people(id) ON DELETE CASCADE,
    account_id    INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    scopes        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    used_at       INTEGER,
    CHECK (connector_id IS NOT NULL OR person_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- What was ambiguous is listed in the audit.
CREATE TABLE migrated_0005 (person_id INTEGER NOT NULL, account_id INTEGER, reason TEXT NOT NULL) STRICT;

-- Everybody who signs in, is addressed, called by a connector, or a member. The rest are records and nothing else.
INSERT INTO people (id, uuid, confined, name, first_name, last_name, password_hash, password_version, origin, version,
                    created_at, updated_at)
SELECT id, uuid, password_hash IS NOT NULL AND email_verified = 0, name, first_name, last_name, password_hash,
       password_version, origin, version, created_at, updated_at
  FROM users u
 WHERE email IS NOT NULL OR password_hash IS NOT NULL
    OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)
    OR EXISTS (SELECT 1 FROM user_identities i WHERE i.user_id = u.id);

INSERT INTO addresses (key, address, person_id, proved_at)
SELECT email_key, email, id, CASE email_verified WHEN 1 THEN updated_at END
  FROM users WHERE email IS NOT NULL AND (email_verified = 1 OR password_hash IS NULL);

INSERT INTO usernames (account_id, key, name, person_id, kind)
SELECT account_id, email_key, email, id, 'claim'
  FROM users WHERE email IS NOT NULL AND email_verified = 0 AND password_hash IS NOT NULL;

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT id, account_id, 'the address is not proved: the sign-in is confined to this account' FROM people p
  JOIN users u USING (id) WHERE p.confined = 1 AND u.email IS NOT NULL;

-- What invitations and portals gave to an address that somebody signs in by and has not proved was meant for the mailbox. It
-- waits with a person who is named by the address and nothing else, for whoever proves it.
CREATE TABLE named_0005 (user_id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, person_id INTEGER) STRICT;

INSERT INTO named_0005 (user_id, uuid)
SELECT id, lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' ||
                 substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
  FROM people p JOIN users u USING (id)
 WHERE p.confined = 1 AND u.email IS NOT NULL AND (
       EXISTS (SELECT 1 FROM user_identities i WHERE i.user_id = u.id)
       OR EXISTS (SELECT 1 FROM memberships m
                   WHERE m.user_id = u.id AND m.account_id <> u.account_id AND (m.status = 'invited' OR m.origin = 'portal')));

INSERT INTO people (uuid, origin, created_at, updated_at)
SELECT n.uuid, u.origin, u.created_at, u.updated_at FROM named_0005 n JOIN users u ON u.id = n.user_id ORDER BY u.id;

UPDATE named_0005 SET person_id = (SELECT p.id FROM people p WHERE p.uuid = named_0005.uuid);

INSERT INTO addresses (key, address, person_id)
SELECT u.email_key, u.email, n.person_id FROM named_0005 n JOIN users u ON u.id = n.user_id;

-- Which memberships are the named person's.
CREATE TABLE meant_0005 (account_id INTEGER NOT NULL, user_id INTEGER NOT NULL, person_id INTEGER NOT NULL,
                         PRIMARY KEY (account_id, user_id)) STRICT, WITHOUT ROWID;

INSERT INTO meant_0005 (account_id, user_id, person_id)
SELECT m.account_id, m.user_id, n.person_id
  FROM named_0005 n JOIN memberships m ON m.user_id = n.user_id JOIN users u ON u.id = n.user_id
 WHERE m.account_id <> u.account_id AND (m.status = 'invited' OR m.origin = 'portal');

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT user_id, account_id, 'the membership was given to the address, and waits for whoever proves it' FROM meant_0005;

-- The administrator of an account that the administration API made is called admin there.
INSERT INTO usernames (account_id, key, name, person_id, kind)
SELECT account_id, 'admin', 'admin', min(id), 'name'
  FROM users WHERE origin = 'administration' AND username_key LIKE 'admin@%' GROUP BY account_id;

-- Other names signed in anywhere, unless they are somebody's address.
INSERT INTO usernames (account_id, key, name, person_id, kind)
SELECT account_id, username_key, username, id, 'former'
  FROM users u
 WHERE username IS NOT NULL AND id IN (SELECT id FROM people)
   AND NOT (origin = 'administration' AND username_key LIKE 'admin@%')
   AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email_key = u.username_key)
 ON CONFLICT DO NOTHING;

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT id, account_id, 'the username is somebody''s address, and signs in no more' FROM users u
 WHERE username IS NOT NULL AND username_key IS NOT email_key
   AND EXISTS (SELECT 1 FROM users o WHERE o.email_key = u.username_key);

-- Records: what the endpoint API made, or wrote.
INSERT INTO records (uuid, account_id, name, first_name, last_name, phone, phone_verified, email, email_key, language,
                     time_zone, date_format, username, username_key, external_id, notify_by_email, notify_by_sms, is_active,
                     version, created_at, updated_at)
SELECT uuid, account_id, name, first_name, last_name, phone, phone_verified, email, email_key, language, time_zone,
       date_format, username, username_key, external_id, notify_by_email, notify_by_sms, is_active, version, created_at,
       updated_at
  FROM users u
 WHERE origin = 'endpoint' OR phone IS NOT NULL OR external_id IS NOT NULL
    OR EXISTS (SELECT 1 FROM audit e WHERE e.subject = 'users' AND e.subject_id = u.id AND e.api = 'endpoint');

INSERT INTO memberships_0005 (account_id, person_id, status, entered_at, created_at, updated_at)
SELECT account_id, coalesce(e.person_id, user_id), status,
       CASE WHEN status = 'active' AND e.person_id IS NULL THEN updated_at END, created_at, updated_at
  FROM memberships LEFT JOIN meant_0005 e USING (account_id, user_id);

INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
SELECT r.account_id, coalesce(e.person_id, r.user_id), CASE m.origin WHEN 'operator' THEN 'founder' ELSE m.origin END, r.role,
       'system', m.created_at
  FROM membership_roles r JOIN memberships m ON m.account_id = r.account_id AND m.user_id = r.user_id
  LEFT JOIN meant_0005 e ON e.account_id = r.account_id AND e.user_id = r.user_id;

-- A portal may have bound a user where that was a member by itself.
INSERT INTO memberships_0005 (account_id, person_id, status, created_at, updated_at)
SELECT b.account_id, n.person_id, iif(m.status = 'inactive', 'inactive', 'active'), min(b.created_at), min(b.created_at)
  FROM named_0005 n JOIN user_identities i ON i.user_id = n.user_id
  JOIN user_bindings b ON b.connector_id = i.connector_id AND b.external_id = i.external_id
  JOIN memberships m ON m.account_id = b.account_id AND m.user_id = n.user_id
 GROUP BY b.account_id, n.person_id
 ON CONFLICT DO NOTHING;

INSERT INTO grants (account_id, person_id, door, role, given_by, created_at)
SELECT m.account_id, m.person_id, 'portal', 'user', 'system', m.created_at
  FROM named_0005 n JOIN memberships_0005 m ON m.person_id = n.person_id
 WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id);

-- Out of its own account a confined person waits for the proof, unless an account would be left without an owner.
UPDATE memberships_0005 AS m SET status = 'awaiting', entered_at = NULL
 WHERE m.status = 'active'
   AND EXISTS (SELECT 1 FROM people p JOIN users u ON u.id = p.id
                WHERE p.id = m.person_id AND p.confined = 1 AND u.account_id <> m.account_id)
   AND (NOT EXISTS (SELECT 1 FROM grants g
                     WHERE g.account_id = m.account_id AND g.person_id = m.person_id AND g.role = 'owner')
        OR EXISTS (SELECT 1 FROM grants g JOIN memberships_0005 o ON o.account_id = g.account_id AND o.person_id = g.person_id
                    WHERE g.account_id = m.account_id AND g.role = 'owner' AND g.person_id <> m.person_id
                      AND o.status = 'active'));

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT person_id, account_id, 'the membership waits until the address is proved' FROM memberships_0005
 WHERE status = 'awaiting';

-- Who was not active signed in nowhere: at home that is a block now.
INSERT INTO memberships_0005 (account_id, person_id, status, blocked_by, created_at, updated_at)
SELECT account_id, id, 'inactive', 'endpoint', updated_at, updated_at FROM users
 WHERE is_active = 0 AND id IN (SELECT id FROM people)
 ON CONFLICT DO UPDATE SET status = 'inactive', blocked_by = 'endpoint';

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT id, account_id, 'the user was not active: a block in this account' FROM users
 WHERE is_active = 0 AND id IN (SELECT id FROM people);

-- A binding of a known user without a membership: somebody removed the member.
INSERT INTO memberships_0005 (account_id, person_id, status, blocked_by, created_at, updated_at)
SELECT DISTINCT b.account_id, coalesce(n.person_id, i.user_id), 'removed', 'accounts', b.created_at, b.created_at
  FROM user_bindings b JOIN user_identities i ON i.connector_id = b.connector_id AND i.external_id = b.external_id
  LEFT JOIN named_0005 n ON n.user_id = i.user_id
 WHERE true ON CONFLICT DO NOTHING;

INSERT INTO migrated_0005 (person_id, account_id, reason)
SELECT person_id, account_id, 'the member was removed: a block, though a connector still binds the user' FROM memberships_0005
 WHERE status = 'removed';

INSERT INTO person_identities (connector_id, external_id, person_id, created_at)
SELECT connector_id, external_id, coalesce(n.person_id, user_id), created_at
  FROM user_identities LEFT JOIN named_0005 n USING (user_id);

INSERT INTO links (digest, purpose, person_id, account_id, address, key, created_at, expires_at)
SELECT t.digest, t.purpose, coalesce(e.person_id, t.user_id), t.account_id, iif(u.email_key = t.email_key, u.email, t.email_key), t.email_key,
       t.created_at, t.expires_at
  FROM one_time_tokens t JOIN users u ON u.id = t.user_id
  LEFT JOIN meant_0005 e ON e.account_id = t.account_id AND e.user_id = t.user_id;

INSERT INTO refresh_tokens_0005 (digest, family, connector_id, person_id, account_id, scopes, created_at, expires_at, used_at)
SELECT digest, family, connector_id, user_id, account_id, scopes, created_at, expires_at, used_at FROM refresh_tokens
 WHERE user_id IS NULL OR user_id IN (SELECT id FROM people);

DROP TABLE meant_0005;
DROP TABLE named_0005;
DROP TABLE membership_roles;
DROP TABLE one_time_tokens;
DROP TABLE memberships;
DROP TABLE user_identities;
DROP TABLE refresh_tokens;
DROP TABLE users;

ALTER TABLE memberships_0005 RENAME TO memberships;
ALTER TABLE refresh_tokens_0005 RENAME TO refresh_tokens;

CREATE INDEX memberships_person ON memberships(person_id, account_id);
CREATE INDEX refresh_tokens_family ON refresh_tokens(family);
-- With the time, so that the oldest of a connector's own are found.
CREATE INDEX refresh_tokens_connector ON refresh_tokens(connector_id, created_at) WHERE connector_id IS NOT NULL;
CREATE INDEX refresh_tokens_person ON refresh_tokens(person_id) WHERE person_id IS NOT NULL;
CREATE INDEX refresh_tokens_account ON refresh_tokens(account_id) WHERE account_id IS NOT NULL;
CREATE INDEX refresh_tokens_expiry ON refresh_tokens(expires_at);

UPDATE audit SET subject = 'people' WHERE subject = 'users';

INSERT INTO audit (at, actor, api, action, subject, subject_id, detail, request_id)
SELECT coalesce((SELECT max(at) FROM audit), 0), 'system', 'migration', 'migrated', 'people', person_id,
       json_object('account', account_id, 'reason', reason), '00000000-0000-0000-0000-000000000000'
  FROM migrated_0005;

DROP TABLE migrated_0005;
