-- One piece of one item leaves the warehouse, in six trips: two of them begin, one commits.
\set tenant random(1, :tenants)
\set index random(:first, :last)
\set item :index + :index / 9 + 1
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
SELECT source.id AS source, target.id AS target, on_hand, seq
FROM stock_accounts AS source
JOIN stock_accounts AS target USING (tenant_id, item_id)
JOIN stock_balances AS balance
     ON balance.tenant_id = source.tenant_id AND balance.account_id = source.id
WHERE source.tenant_id = {tenant}::uuid AND source.item_id = {item}::uuid
  AND source.kind = 'on_hand' AND source.location_id = {location}::uuid
  AND target.kind = 'customer'
FOR UPDATE OF balance \gset
WITH counter AS (
    UPDATE stock_counters SET last = last + 1
    WHERE tenant_id = {tenant}::uuid AND type = 'issue' AND year = extract(year FROM now())
    RETURNING year, last
)
INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at,
                                posted_at, actor, digest, digest_key_id)
SELECT {tenant}::uuid, uuidv7(), 'issue', year, 'PG-' || last, now(), now(), 'benchmark',
       sha256(''), 'none'
FROM counter
RETURNING id AS document \gset
WITH balance AS (
    UPDATE stock_balances
    SET on_hand = on_hand - 1, seq = seq + 1, posted_at = now(), effective_at = now()
    WHERE tenant_id = {tenant}::uuid AND account_id = :source::uuid
    RETURNING seq, on_hand
)
INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity,
                         entered_unit, from_account, from_seq, from_after, to_account,
                         effective_at, posted_at)
SELECT {tenant}::uuid, :document::uuid, 1, {item}::uuid, 1, 1, 'cái', :source::uuid, seq, on_hand,
       :target::uuid, now(), now()
FROM balance;
COMMIT;
