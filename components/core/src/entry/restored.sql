-- Brings back the rows of the first parameter, a removal, of the accounts of the second, their owner: what others need comes first.
-- undo.rs says what stands in braces.

-- What was added for a connector that went goes as it comes back.
DELETE FROM former_registration_ids WHERE (registration_id, account_id) IN (SELECT r.row ->> 'registration_id', r.row
    ->> 'account_id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'led on') RETURNING 1 AS done;

INSERT INTO accounts (id, owner_id, account_key, registration_id, type, status, name, name_key, name_reserved,
    description, primary_contact, country, subdomain, domain, package_id, email_admin, datashare, origin, version,
    created_at, updated_at, descendants, suspended_from_above, people_name, above_name, people_registration_id,
    above_registration_id, registration_number, suspended_by) SELECT r.row ->> 'id', ?2, r.row ->> 'account_key',
    r.row ->> 'registration_id', r.row ->> 'type', r.row ->> 'status', r.row ->> 'name', r.row ->> 'name_key', (r.row
    ->> 'name_reserved') AND NOT EXISTS (SELECT 1 FROM accounts x WHERE x.name_key = (r.row ->> 'name_key') AND
    x.name_reserved = 1), r.row ->> 'description', r.row ->> 'primary_contact', r.row ->> 'country', r.row ->>
    'subdomain', r.row ->> 'domain', (SELECT x.id FROM packages x WHERE x.id = r.row ->> 'package_id'), r.row ->>
    'email_admin', r.row ->> 'datashare', r.row ->> 'origin', r.row ->> 'version', r.row ->> 'created_at', r.row ->>
    'updated_at', r.row ->> 'descendants', r.row ->> 'suspended_from_above', r.row ->> 'people_name', r.row ->>
    'above_name', r.row ->> 'people_registration_id', r.row ->> 'above_registration_id', r.row ->>
    'registration_number', (SELECT x.id FROM accounts x WHERE x.id = r.row ->> 'suspended_by') FROM removed_rows r
    WHERE r.removal_id = ?1 AND r.kind = 'accounts' RETURNING 1 AS done;

INSERT INTO packages (id, owner_id, name, is_default) SELECT r.row ->> 'id', r.row ->> 'owner_id', r.row ->> 'name',
    r.row ->> 'is_default' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'packages' RETURNING 1 AS done;

UPDATE accounts SET package_id = r.row ->> 'package_id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind =
    'accounts' AND accounts.id = r.row ->> 'id' AND accounts.package_id IS NULL AND EXISTS (SELECT 1 FROM packages x
    WHERE x.id = r.row ->> 'package_id') RETURNING 1 AS done;

INSERT INTO people (id, uuid, confined, leads_to, name, first_name, last_name, password_hash, password_version,
    origin, version, created_at, updated_at, erased_at) SELECT r.row ->> 'id', r.row ->> 'uuid', r.row ->> 'confined',
    (SELECT x.id FROM people x WHERE x.id = r.row ->> 'leads_to'), r.row ->> 'name', r.row ->> 'first_name', r.row ->>
    'last_name', r.row ->> 'password_hash', r.row ->> 'password_version', r.row ->> 'origin', r.row ->> 'version',
    r.row ->> 'created_at', r.row ->> 'updated_at', r.row ->> 'erased_at' FROM removed_rows r WHERE r.removal_id = ?1
    AND r.kind = 'people' RETURNING 1 AS done;

INSERT INTO addresses (key, address, person_id, proved_at, retired_at, next_id) SELECT r.row ->> 'key', r.row ->>
    'address', r.row ->> 'person_id', r.row ->> 'proved_at', r.row ->> 'retired_at', (SELECT x.id FROM people x WHERE
    x.id = r.row ->> 'next_id') FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'addresses' AND EXISTS
    (SELECT 1 FROM people x WHERE x.id = r.row ->> 'person_id') RETURNING 1 AS done;

INSERT INTO connectors (id, account_id, client_id, secret_hash, secret_version, scopes, name, integration, property,
    environment, status, token_expires_at, last_success_at, last_failure_at, last_failure, failures, created_at,
    updated_at, rank, maker_id, maker_lost_rank_at, redirect_uris, post_logout_redirect_uris, public, require_pkce,
    id_token_algorithm, unbind_share) SELECT r.row ->> 'id', r.row ->> 'account_id', r.row ->> 'client_id', r.row ->>
    'secret_hash', r.row ->> 'secret_version', r.row ->> 'scopes', r.row ->> 'name', r.row ->> 'integration', r.row
    ->> 'property', r.row ->> 'environment', r.row ->> 'status', r.row ->> 'token_expires_at', r.row ->>
    'last_success_at', r.row ->> 'last_failure_at', r.row ->> 'last_failure', r.row ->> 'failures', r.row ->>
    'created_at', r.row ->> 'updated_at', r.row ->> 'rank', (SELECT coalesce(x.leads_to, x.id) FROM people x WHERE
    x.id = r.row ->> 'maker_id'), r.row ->> 'maker_lost_rank_at', r.row ->> 'redirect_uris', r.row ->>
    'post_logout_redirect_uris', r.row ->> 'public', r.row ->> 'require_pkce', r.row ->> 'id_token_algorithm', r.row
    ->> 'unbind_share' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'connectors' RETURNING 1 AS done;

UPDATE connectors SET status = r.row ->> 'status' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind =
    'disconnected' AND connectors.id = r.row ->> 'id' AND connectors.status = 'inactive' RETURNING 1 AS done;

INSERT INTO usernames (account_id, key, name, person_id, kind) SELECT r.row ->> 'account_id', r.row ->> 'key', r.row
    ->> 'name', {person}, r.row ->> 'kind' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'usernames' AND
    {person} IS NOT NULL RETURNING 1 AS done;

INSERT INTO records (id, uuid, account_id, person_id, name, first_name, last_name, phone, phone_verified, email,
    email_key, language, time_zone, date_format, username, username_key, external_id, notify_by_email, notify_by_sms,
    is_active, version, created_at, updated_at) SELECT r.row ->> 'id', r.row ->> 'uuid', r.row ->> 'account_id',
    {person}, r.row ->> 'name', r.row ->> 'first_name', r.row ->> 'last_name', r.row ->> 'phone', r.row ->>
    'phone_verified', r.row ->> 'email', r.row ->> 'email_key', r.row ->> 'language', r.row ->> 'time_zone', r.row ->>
    'date_format', r.row ->> 'username', r.row ->> 'username_key', r.row ->> 'external_id', r.row ->>
    'notify_by_email', r.row ->> 'notify_by_sms', r.row ->> 'is_active', r.row ->> 'version', r.row ->> 'created_at',
    r.row ->> 'updated_at' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'records' RETURNING 1 AS done;

INSERT INTO account_identities (connector_id, external_id, account_id, created_at, name, registration_id) SELECT r.row
    ->> 'connector_id', r.row ->> 'external_id', {account}, r.row ->> 'created_at', {name}, {registration_id} FROM
    removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'account_identities' AND r.row ->> 'to' IS NULL AND
    {connector} AND EXISTS (SELECT 1 FROM accounts x WHERE x.id = {account}) ON CONFLICT (connector_id, external_id)
    DO NOTHING RETURNING 1 AS done;

UPDATE account_identities SET account_id = {account}, created_at = r.row ->> 'created_at', name = {name},
    registration_id = {registration_id} FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'account_identities'
    AND account_identities.connector_id = r.row ->> 'connector_id' AND account_identities.external_id = r.row ->>
    'external_id' AND account_identities.account_id = {moved_to} AND EXISTS (SELECT 1 FROM accounts x WHERE x.id =
    {account}) RETURNING 1 AS done;

INSERT INTO person_identities (connector_id, external_id, person_id, created_at, key) SELECT r.row ->> 'connector_id',
    r.row ->> 'external_id', {person}, r.row ->> 'created_at', r.row ->> 'key' FROM removed_rows r WHERE r.removal_id
    = ?1 AND r.kind = 'person_identities' AND r.row ->> 'to' IS NULL AND {connector} AND {person} IS NOT NULL ON
    CONFLICT (connector_id, external_id) DO NOTHING RETURNING 1 AS done;

UPDATE person_identities SET person_id = {person}, created_at = r.row ->> 'created_at', key = r.row ->> 'key' FROM
    removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'person_identities' AND person_identities.connector_id = r.row
    ->> 'connector_id' AND person_identities.external_id = r.row ->> 'external_id' AND person_identities.person_id =
    r.row ->> 'to' AND {person} IS NOT NULL RETURNING 1 AS done;

INSERT INTO user_bindings (connector_id, external_id, account_id, created_at) SELECT r.row ->> 'connector_id', r.row
    ->> 'external_id', {account}, r.row ->> 'created_at' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind =
    'user_bindings' AND {connector} AND EXISTS (SELECT 1 FROM accounts x WHERE x.id = {account}) ON CONFLICT DO
    NOTHING RETURNING 1 AS done;

WITH gone(account_id, person_id, row) AS MATERIALIZED (SELECT {account}, {person}, r.row FROM removed_rows r WHERE
    r.removal_id = ?1 AND r.kind = 'memberships') INSERT INTO memberships (account_id, person_id, status, entered_at,
    blocked_rank, blocked_by, created_at, updated_at, known_as, known_by, first_name, last_name) SELECT
    gone.account_id, gone.person_id, gone.row ->> 'status', gone.row ->> 'entered_at', gone.row ->> 'blocked_rank',
    gone.row ->> 'blocked_by', gone.row ->> 'created_at', gone.row ->> 'updated_at', gone.row ->> 'known_as', gone.row
    ->> 'known_by', gone.row ->> 'first_name', gone.row ->> 'last_name' FROM gone WHERE gone.person_id IS NOT NULL AND
    EXISTS (SELECT 1 FROM accounts x WHERE x.id = gone.account_id) AND NOT {is_shut_out} ORDER BY gone.row ->>
    'status' IN ('invited', 'awaiting', 'active') ON CONFLICT DO NOTHING RETURNING 1 AS done;

INSERT INTO grants (account_id, person_id, door, role, given_by, given_rank, created_at) SELECT m.account_id,
    m.person_id, r.row ->> 'door', r.row ->> 'role', r.row ->> 'given_by', r.row ->> 'given_rank', r.row ->>
    'created_at' FROM removed_rows r JOIN memberships m ON m.account_id = {account} AND m.person_id = {person} WHERE
    r.removal_id = ?1 AND r.kind = 'grants' AND m.status NOT IN ('removed', 'refused') AND (r.row ->> 'door' IN
    ('founder', 'accounts', 'administration') OR NOT EXISTS (SELECT 1 FROM grants h WHERE h.account_id = m.account_id
    AND h.person_id = m.person_id AND h.door IN ('founder', 'accounts') AND h.created_at > (SELECT v.at FROM removals
    v WHERE v.id = ?1))) ON CONFLICT DO NOTHING RETURNING 1 AS done;

INSERT INTO precedences (owner_id, field, position, source, connector_id) SELECT r.row ->> 'owner_id', r.row ->>
    'field', r.row ->> 'position', r.row ->> 'source', r.row ->> 'connector_id' FROM removed_rows r WHERE r.removal_id
    = ?1 AND r.kind = 'precedences' AND EXISTS (SELECT 1 FROM accounts x WHERE x.id = r.row ->> 'owner_id') AND (r.row
    ->> 'connector_id' IS NULL OR EXISTS (SELECT 1 FROM connectors x WHERE x.id = r.row ->> 'connector_id')) RETURNING
    1 AS done;

INSERT INTO former_registration_ids (registration_id, account_id) SELECT r.row ->> 'registration_id', {account} FROM
    removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'former_registration_ids' AND EXISTS (SELECT 1 FROM accounts x
    WHERE x.id = {account}) ON CONFLICT DO NOTHING RETURNING 1 AS done;

INSERT INTO different_accounts (account_id, other_id) SELECT r.row ->> 'account_id', r.row ->> 'other_id' FROM
    removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'different_accounts' AND EXISTS (SELECT 1 FROM accounts x
    WHERE x.id = r.row ->> 'account_id') AND EXISTS (SELECT 1 FROM accounts x WHERE x.id = r.row ->> 'other_id') ON
    CONFLICT DO NOTHING RETURNING 1 AS done;

INSERT INTO joined_accounts (number, id, account_key, subdomain, account_id, into_id, suspends, joined_at) SELECT
    r.row ->> 'number', r.row ->> 'id', r.row ->> 'account_key', r.row ->> 'subdomain', r.row ->> 'account_id', r.row
    ->> 'into_id', r.row ->> 'suspends', r.row ->> 'joined_at' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind
    = 'joined_accounts' RETURNING 1 AS done;

INSERT INTO joined_rows (id, joined_id, kind, row) SELECT r.row ->> 'id', r.row ->> 'joined_id', r.row ->> 'kind',
    r.row ->> 'row' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'joined_rows' RETURNING 1 AS done;

INSERT INTO joined_registration_ids (registration_id, joined_id) SELECT r.row ->> 'registration_id', r.row ->>
    'joined_id' FROM removed_rows r WHERE r.removal_id = ?1 AND r.kind = 'joined_registration_ids' RETURNING 1 AS done;
