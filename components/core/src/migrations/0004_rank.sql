-- Nobody gives, takes or reaches more than they hold: connectors get a rank, and a suspension remembers who may lift it.

-- The operator account cannot be suspended.
UPDATE accounts SET status = 'active' WHERE owner_id IS NULL;

-- 1 where the account above made it inactive: then only that makes it active again. Who suspended an account before this
-- was noted is not known, so that the safer reading counts.
ALTER TABLE accounts ADD COLUMN suspended_from_above INTEGER NOT NULL DEFAULT 0
    CHECK (suspended_from_above IN (0, 1) AND (suspended_from_above = 0 OR status = 'inactive')
           AND (owner_id IS NOT NULL OR status = 'active'));

UPDATE accounts SET suspended_from_above = 1 WHERE status = 'inactive';

-- The strongest role of whoever made the connector, in its account, at that time: what it does never takes a stronger one.
ALTER TABLE connectors ADD COLUMN rank TEXT NOT NULL DEFAULT 'manage' CHECK (rank IN ('manage', 'admin', 'owner'));

-- The connector of the first start has the rank of the operator. Others have the rank that their maker has now, as far as
-- the audit knows the maker.
UPDATE connectors SET rank = coalesce(
    (SELECT 'owner' FROM audit e
      WHERE e.subject = 'connectors' AND e.subject_id = connectors.id AND e.action = 'created' AND e.api = 'oauth'),
    (WITH RECURSIVE chain(id) AS (
         SELECT connectors.account_id
         UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
     SELECT r.role FROM chain
       JOIN audit e ON e.subject = 'connectors' AND e.subject_id = connectors.id AND e.action = 'created'
       JOIN memberships m ON m.account_id = chain.id AND m.status = 'active' AND e.actor = 'user:' || m.user_id
       JOIN membership_roles r ON r.account_id = m.account_id AND r.user_id = m.user_id
      WHERE r.role IN ('owner', 'admin', 'manage')
      ORDER BY instr('owner admin manage', r.role) LIMIT 1),
    'manage');
