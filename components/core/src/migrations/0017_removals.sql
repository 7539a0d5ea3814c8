-- What a body of the portal removes, and an account that is deleted with all that it has, stays for 30 days and can be brought back.

-- A request that removed something of the accounts of an owner.
CREATE TABLE removals (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL,
    -- Whoever manages it may bring back what was removed.
    owner_id    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('sync', 'account')),
    -- 1 within the transaction of the request: what is deleted then is kept.
    open        INTEGER NOT NULL CHECK (open IN (0, 1)),
    at          INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX removals_open ON removals(open) WHERE open = 1;
CREATE INDEX removals_request ON removals(request_id);
CREATE INDEX removals_owner ON removals(owner_id);
CREATE INDEX removals_age ON removals(at);

-- What was removed: a row of the table of its kind, as it was.
CREATE TABLE removed_rows (
    id          INTEGER PRIMARY KEY,
    removal_id  INTEGER NOT NULL REFERENCES removals(id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    row         TEXT NOT NULL CHECK (json_type(row) = 'object')
) STRICT;

CREATE INDEX removed_rows_removal ON removed_rows(removal_id, kind);

-- What is kept of somebody goes when that person is erased, and the person's addresses go out of what is kept of accounts.
CREATE INDEX removed_rows_account ON removed_rows(row ->> 'id') WHERE kind = 'accounts';
CREATE INDEX removed_rows_joined ON removed_rows(row ->> 'joined_id') WHERE kind = 'joined_rows';
CREATE INDEX removed_rows_joined_person ON removed_rows((row ->> 'row') ->> 'person') WHERE kind = 'joined_rows';
CREATE INDEX removed_rows_person ON removed_rows(row ->> 'person_id') WHERE row ->> 'person_id' IS NOT NULL;
CREATE INDEX joined_rows_person ON joined_rows(row ->> 'person') WHERE row ->> 'person' IS NOT NULL;

-- Whatever a removal deletes is kept, what goes with something else included. What expires by itself, sessions and the links in mails, is
-- not. A name or a registration id that a source says by being silent is the one that is shown.

CREATE TRIGGER removed_accounts AFTER DELETE ON accounts WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'accounts', json_object('id', old.id, 'owner_id', old.owner_id,
    'account_key', old.account_key, 'registration_id', old.registration_id, 'type', old.type, 'status', old.status, 'name',
    old.name, 'name_key', old.name_key, 'name_reserved', old.name_reserved, 'description', old.description, 'primary_contact',
    old.primary_contact, 'country', old.country, 'subdomain', old.subdomain, 'domain', old.domain, 'package_id', old.package_id,
    'email_admin', old.email_admin, 'datashare', old.datashare, 'origin', old.origin, 'version', old.version, 'created_at',
    old.created_at, 'updated_at', old.updated_at, 'descendants', old.descendants, 'suspended_from_above',
    old.suspended_from_above, 'people_name', old.people_name, 'above_name', old.above_name, 'people_registration_id',
    old.people_registration_id, 'above_registration_id', old.above_registration_id, 'registration_number',
    old.registration_number, 'suspended_by', old.suspended_by) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_packages AFTER DELETE ON packages WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'packages', json_object('id', old.id, 'owner_id', old.owner_id,
    'name', old.name, 'is_default', old.is_default) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_people AFTER DELETE ON people WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'people', json_object('id', old.id, 'uuid', old.uuid, 'confined',
    old.confined, 'leads_to', old.leads_to, 'name', old.name, 'first_name', old.first_name, 'last_name', old.last_name,
    'password_hash', old.password_hash, 'password_version', old.password_version, 'origin', old.origin, 'version', old.version,
    'created_at', old.created_at, 'updated_at', old.updated_at, 'erased_at', old.erased_at, 'person_id', old.id) FROM removals
    WHERE open = 1; END;

CREATE TRIGGER removed_addresses AFTER DELETE ON addresses WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'addresses', json_object('key', old.key, 'address', old.address,
    'person_id', old.person_id, 'proved_at', old.proved_at, 'retired_at', old.retired_at, 'next_id', old.next_id) FROM removals
    WHERE open = 1; END;

CREATE TRIGGER removed_connectors AFTER DELETE ON connectors WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'connectors', json_object('id', old.id, 'account_id',
    old.account_id, 'client_id', old.client_id, 'secret_hash', old.secret_hash, 'secret_version', old.secret_version, 'scopes',
    old.scopes, 'name', old.name, 'integration', old.integration, 'property', old.property, 'environment', old.environment,
    'status', old.status, 'token_expires_at', old.token_expires_at, 'last_success_at', old.last_success_at, 'last_failure_at',
    old.last_failure_at, 'last_failure', old.last_failure, 'failures', old.failures, 'created_at', old.created_at, 'updated_at',
    old.updated_at, 'rank', old.rank, 'maker_id', old.maker_id, 'maker_lost_rank_at', old.maker_lost_rank_at, 'redirect_uris',
    old.redirect_uris, 'post_logout_redirect_uris', old.post_logout_redirect_uris, 'public', old.public, 'require_pkce',
    old.require_pkce, 'id_token_algorithm', old.id_token_algorithm, 'unbind_share', old.unbind_share) FROM removals WHERE open =
    1; END;

CREATE TRIGGER removed_usernames AFTER DELETE ON usernames WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'usernames', json_object('account_id', old.account_id, 'key',
    old.key, 'name', old.name, 'person_id', old.person_id, 'kind', old.kind) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_records AFTER DELETE ON records WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'records', json_object('id', old.id, 'uuid', old.uuid,
    'account_id', old.account_id, 'person_id', old.person_id, 'name', old.name, 'first_name', old.first_name, 'last_name',
    old.last_name, 'phone', old.phone, 'phone_verified', old.phone_verified, 'email', old.email, 'email_key', old.email_key,
    'language', old.language, 'time_zone', old.time_zone, 'date_format', old.date_format, 'username', old.username,
    'username_key', old.username_key, 'external_id', old.external_id, 'notify_by_email', old.notify_by_email, 'notify_by_sms',
    old.notify_by_sms, 'is_active', old.is_active, 'version', old.version, 'created_at', old.created_at, 'updated_at',
    old.updated_at) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_memberships AFTER DELETE ON memberships WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'memberships', json_object('account_id', old.account_id,
    'person_id', old.person_id, 'status', old.status, 'entered_at', old.entered_at, 'blocked_rank', old.blocked_rank,
    'blocked_by', old.blocked_by, 'created_at', old.created_at, 'updated_at', old.updated_at, 'known_as', old.known_as,
    'known_by', old.known_by) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_grants AFTER DELETE ON grants WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'grants', json_object('account_id', old.account_id, 'person_id',
    old.person_id, 'door', old.door, 'role', old.role, 'given_by', old.given_by, 'given_rank', old.given_rank, 'created_at',
    old.created_at) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_account_identities AFTER DELETE ON account_identities WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'account_identities', json_object('connector_id',
    old.connector_id, 'external_id', old.external_id, 'account_id', old.account_id, 'created_at', old.created_at, 'name',
    coalesce(old.name, (SELECT a.name FROM accounts a WHERE a.id = old.account_id)), 'registration_id',
    coalesce(old.registration_id, (SELECT a.registration_id FROM accounts a WHERE a.id = old.account_id))) FROM removals WHERE
    open = 1; END;

CREATE TRIGGER removed_person_identities AFTER DELETE ON person_identities WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'person_identities', json_object('connector_id',
    old.connector_id, 'external_id', old.external_id, 'person_id', old.person_id, 'created_at', old.created_at, 'key', old.key)
    FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_user_bindings AFTER DELETE ON user_bindings WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'user_bindings', json_object('connector_id', old.connector_id,
    'external_id', old.external_id, 'account_id', old.account_id, 'created_at', old.created_at) FROM removals WHERE open =
    1; END;

CREATE TRIGGER removed_precedences AFTER DELETE ON precedences WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'precedences', json_object('owner_id', old.owner_id, 'field',
    old.field, 'position', old.position, 'source', old.source, 'connector_id', old.connector_id) FROM removals WHERE open =
    1; END;

CREATE TRIGGER removed_different_accounts AFTER DELETE ON different_accounts WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'different_accounts', json_object('account_id', old.account_id,
    'other_id', old.other_id) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_joined_accounts AFTER DELETE ON joined_accounts WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'joined_accounts', json_object('number', old.number, 'id',
    old.id, 'account_key', old.account_key, 'subdomain', old.subdomain, 'account_id', old.account_id, 'into_id', old.into_id,
    'suspends', old.suspends, 'joined_at', old.joined_at) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_joined_rows AFTER DELETE ON joined_rows WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'joined_rows', json_object('id', old.id, 'joined_id',
    old.joined_id, 'kind', old.kind, 'row', old.row) FROM removals WHERE open = 1; END;

CREATE TRIGGER removed_joined_registration_ids AFTER DELETE ON joined_registration_ids WHEN EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'joined_registration_ids', json_object('registration_id',
    old.registration_id, 'joined_id', old.joined_id) FROM removals WHERE open = 1; END;

-- An external id that moves leaves what it was bound to.
CREATE TRIGGER moved_account_identities AFTER UPDATE OF account_id ON account_identities
    WHEN old.account_id <> new.account_id AND EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'account_identities', json_object('connector_id',
    old.connector_id, 'external_id', old.external_id, 'account_id', old.account_id, 'created_at', old.created_at, 'name',
    coalesce(old.name, (SELECT a.name FROM accounts a WHERE a.id = old.account_id)), 'registration_id',
    coalesce(old.registration_id, (SELECT a.registration_id FROM accounts a WHERE a.id = old.account_id)), 'to', new.account_id)
    FROM removals WHERE open = 1; END;

CREATE TRIGGER moved_person_identities AFTER UPDATE OF person_id ON person_identities
    WHEN old.person_id <> new.person_id AND EXISTS (SELECT 1 FROM removals WHERE open = 1) BEGIN
    INSERT INTO removed_rows (removal_id, kind, row) SELECT id, 'person_identities', json_object('connector_id',
    old.connector_id, 'external_id', old.external_id, 'person_id', old.person_id, 'created_at', old.created_at, 'key', old.key,
    'to', new.person_id) FROM removals WHERE open = 1; END;
