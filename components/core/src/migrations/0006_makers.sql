-- Connectors know who made them, so that it shows when that person loses the rank that the connector has.

ALTER TABLE connectors ADD COLUMN maker_id INTEGER REFERENCES people (id) ON DELETE SET NULL;

-- When the maker lost the rank, until somebody who holds it gives the connector a new secret, and is its maker from then on.
ALTER TABLE connectors ADD COLUMN maker_lost_rank_at INTEGER;

CREATE INDEX connectors_by_maker ON connectors (maker_id) WHERE maker_id IS NOT NULL;

-- As far as the audit knows the maker. Who has lost the rank by now is not told of anew.
UPDATE connectors SET maker_id = (
    SELECT p.id FROM audit e JOIN people p ON e.actor = 'user:' || p.id
     WHERE e.subject = 'connectors' AND e.subject_id = connectors.id AND e.action = 'created' AND e.api = 'accounts');
