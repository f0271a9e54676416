-- One piece of one item leaves the warehouse, as Sokho posts it: in six trips the locks that it
-- takes, what it looks up, and the rows that it writes. The Idempotency-Key is claimed and kept,
-- and there are an event and a digest.
\set tenant random(1, :tenants)
\set index random(:first, :last)
\set item :index + :index / 9 + 1
\set key random(1, 9000000000000000000)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true),
       claim_idempotency_key(:key, sha256(int8send(:key))),
       pg_advisory_xact_lock_shared(hashtextextended({tenant}, 3));
SELECT source.id AS source, target.id AS target, on_hand, seq, item.unit AS unit, unit.decimals,
       place.status, tenant.time_zone AS zone, period.locked_before
FROM items AS item
JOIN units AS unit ON unit.tenant_id = item.tenant_id AND unit.code = item.unit
JOIN stock_accounts AS source ON source.tenant_id = item.tenant_id AND source.item_id = item.id
JOIN stock_accounts AS target ON target.tenant_id = item.tenant_id AND target.item_id = item.id
JOIN stock_balances AS balance
     ON balance.tenant_id = source.tenant_id AND balance.account_id = source.id
JOIN locations AS place ON place.tenant_id = source.tenant_id AND place.id = source.location_id
JOIN tenants AS tenant ON tenant.id = item.tenant_id
LEFT JOIN LATERAL (
    SELECT locked_before FROM stock_period_locks WHERE tenant_id = {tenant}::uuid
    ORDER BY version DESC LIMIT 1
) AS period ON true
WHERE item.tenant_id = {tenant}::uuid AND item.id = {item}::uuid
  AND source.kind = 'on_hand' AND source.location_id = {location}::uuid
  AND target.kind = 'customer'
FOR UPDATE OF balance \gset
WITH counter AS (
    UPDATE stock_counters SET last = last + 1
    WHERE tenant_id = {tenant}::uuid AND type = 'issue'
      AND year = extract(year FROM now() AT TIME ZONE :zone)
    RETURNING year, last
)
INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at,
                                posted_at, actor, request_key, digest, digest_key_id)
SELECT {tenant}::uuid, uuidv7(), 'issue', year, 'PG-' || last, now(), now(), 'benchmark',
       sha256(int8send(:key)), sha256(sha256(convert_to(concat_ws('|', now(), year, last), 'UTF8'))),
       'none'
FROM counter
RETURNING id AS document \gset
WITH balance AS (
    UPDATE stock_balances
    SET on_hand = on_hand - 1, seq = seq + 1, posted_at = now(), effective_at = now()
    WHERE tenant_id = {tenant}::uuid AND account_id = :source::uuid
    RETURNING seq, on_hand
), event AS (
    INSERT INTO events (tenant_id, id, type, resource_id, actor, request_id, changes, created_at)
    VALUES ({tenant}::uuid, uuidv7(), 'stock.posted', :document::text, 'benchmark', :document::uuid,
            '{"type": {"after": "issue"}, "lines": {"after": 1}}', now())
), kept AS (
    INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, result, expires_at)
    SELECT {tenant}::uuid, sha256(int8send(:key)), sha256(''),
           jsonb_build_object('id', :document::text, 'seq', seq, 'after', on_hand)::text,
           now() + interval '7 days'
    FROM balance
)
INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity,
                         entered_unit, from_account, from_seq, from_after, to_account,
                         effective_at, posted_at)
SELECT {tenant}::uuid, :document::uuid, 1, {item}::uuid, 1, 1, :unit, :source::uuid, seq, on_hand,
       :target::uuid, now(), now()
FROM balance;
COMMIT;
