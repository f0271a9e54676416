-- One piece of one item leaves the warehouse: the balance, the counter, a document, its move.
\set tenant random(1, :tenants)
\set index random(:first, :last)
\set item :index + :index / 9 + 1
\startpipeline
SELECT set_config('app.current_tenant', {tenant}, true);
WITH account AS (
    SELECT source.id AS source, target.id AS target
    FROM stock_accounts AS source JOIN stock_accounts AS target USING (tenant_id, item_id)
    WHERE tenant_id = {tenant}::uuid AND item_id = {item}::uuid AND source.kind = 'on_hand'
      AND source.location_id = {location}::uuid AND target.kind = 'customer'
), balance AS (
    UPDATE stock_balances
    SET on_hand = on_hand - 1, seq = seq + 1, posted_at = now(), effective_at = now()
    FROM account
    WHERE tenant_id = {tenant}::uuid AND account_id = source AND on_hand - reserved >= 1
    RETURNING source, target, seq, on_hand
), counter AS (
    UPDATE stock_counters SET last = last + 1
    WHERE tenant_id = {tenant}::uuid AND type = 'issue' AND year = extract(year FROM now())
    RETURNING year, last
), document AS (
    INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at,
                                    posted_at, actor, digest, digest_key_id)
    SELECT {tenant}::uuid, uuidv7(), 'issue', year, 'PG-' || last, now(), now(), 'benchmark',
           sha256(''), 'none'
    FROM counter
    RETURNING id
)
INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity,
                         entered_unit, from_account, from_seq, from_after, to_account,
                         effective_at, posted_at)
SELECT {tenant}::uuid, id, 1, {item}::uuid, 1, 1, 'cái', source, seq, on_hand, target, now(), now()
FROM balance, document;
\endpipeline
