-- What is secret does not stay longer than it is of use.

-- When the secret in a message works no more: then the message goes, delivered or not. One of before has at most seven days.
ALTER TABLE outbox ADD COLUMN expires_at INTEGER;

UPDATE outbox SET expires_at = created_at + 604800000;

CREATE INDEX outbox_expiry ON outbox(expires_at) WHERE expires_at IS NOT NULL;
