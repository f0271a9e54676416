"""The SQL of the raw peer, on Sokho's own tables: a posting is a plain one, without events."""

from typing import Final

_COLUMNS: Final = (
    "id, tenant_id, sku, name, description, unit, barcode, status, tags, attributes, version, "
    "created_at, updated_at"
)
_BIND: Final = "set_config('app.current_tenant', $1::uuid::text, true)"
_BOUND: Final = f"SELECT answer.* FROM {_BIND} AS bound(tenant) CROSS JOIN LATERAL "
_NEW_COLUMNS: Final = (
    "tenant_id, id, sku, sku_key, name, description, unit, barcode, status, tags, attributes, "
    "version, created_at, updated_at"
)

GET: Final = (
    f"{_BOUND} (SELECT {_COLUMNS} FROM items "
    "WHERE tenant_id = bound.tenant::uuid AND id = $2 OFFSET 0) AS answer"
)
LIST: Final = (
    f"{_BOUND} (SELECT {_COLUMNS} FROM items "
    "WHERE tenant_id = bound.tenant::uuid AND id > $2 ORDER BY id LIMIT $3 OFFSET 0) AS answer"
)
FILTER: Final = (
    f"{_BOUND} (SELECT {_COLUMNS} FROM items WHERE tenant_id = bound.tenant::uuid AND id > $2 "
    "AND status = $4 ORDER BY id LIMIT $3 OFFSET 0) AS answer"
)
CREATE: Final = (
    f"WITH bound AS MATERIALIZED (SELECT {_BIND} AS tenant) INSERT INTO items ({_NEW_COLUMNS}) "
    "SELECT tenant::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text,"
    " 'active', $9::text[], $10::jsonb, 1, now(), now() FROM bound "
    f"RETURNING {_COLUMNS}"
)
PATCH: Final = (
    "UPDATE items SET name = $3, version = version + 1, updated_at = now() "
    f"WHERE id = $1 AND version = $2 RETURNING {_COLUMNS}"
)
UPSERT: Final = f"""
INSERT INTO items ({_NEW_COLUMNS})
SELECT $1::uuid, id, sku, sku_key, name, description, unit, barcode, 'active',
       ARRAY(SELECT jsonb_array_elements_text(tags)), attributes, 1, now(), now()
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::jsonb[], $10::jsonb[])
     AS given(id, sku, sku_key, name, description, unit, barcode, tags, attributes)
ORDER BY sku_key
ON CONFLICT (tenant_id, sku_key) DO UPDATE
SET name = EXCLUDED.name, unit = EXCLUDED.unit, barcode = EXCLUDED.barcode,
    attributes = EXCLUDED.attributes, version = items.version + 1, updated_at = now()
RETURNING id
"""
MOVE: Final = """
WITH account AS (
    SELECT source.id AS source, target.id AS target
    FROM stock_accounts AS source JOIN stock_accounts AS target USING (tenant_id, item_id)
    WHERE tenant_id = $1 AND item_id = $3
      AND source.kind = 'on_hand' AND source.location_id = $4 AND target.kind = 'customer'
), balance AS (
    UPDATE stock_balances AS held
    SET on_hand = on_hand - $5, seq = seq + 1, posted_at = now(), effective_at = now()
    FROM account
    WHERE tenant_id = $1 AND account_id = account.source AND on_hand - reserved >= $5
    RETURNING source, target, seq, on_hand
), counter AS (
    UPDATE stock_counters SET last = last + 1
    WHERE tenant_id = $1 AND type = 'issue' AND year = extract(year FROM now())
    RETURNING year, last
), document AS (
    INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at,
                                    posted_at, actor, digest, digest_key_id)
    SELECT $1, $2, 'issue', year, 'X-' || last, now(), now(), 'benchmark', sha256(''), 'none'
    FROM counter
    RETURNING id, document_no, posted_at
), move AS (
    INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity,
                             entered_quantity, entered_unit, from_account, from_seq, from_after,
                             to_account, effective_at, posted_at)
    SELECT $1, $2, 1, $3, $5, $5, 'cái', source, seq, on_hand, target, now(), now()
    FROM balance
)
SELECT document.*, balance.on_hand AS from_after FROM document, balance
"""
LEVELS: Final = (
    f"{_BOUND} (SELECT account.item_id, item.sku, account.location_id, on_hand, reserved, seq "
    "FROM stock_accounts AS account "
    "JOIN stock_balances AS balance "
    "ON balance.tenant_id = account.tenant_id AND balance.account_id = account.id "
    "JOIN items AS item ON item.tenant_id = account.tenant_id AND item.id = account.item_id "
    "WHERE account.tenant_id = bound.tenant::uuid AND account.location_id = $2 "
    "AND account.item_id > $3 ORDER BY account.item_id LIMIT $4 OFFSET 0) AS answer"
)
CARD: Final = (
    f"{_BOUND} (SELECT move.* FROM (SELECT id FROM stock_accounts "
    "WHERE tenant_id = bound.tenant::uuid AND item_id = $2 AND kind = 'on_hand' "
    "AND location_id = $3) AS account CROSS JOIN LATERAL ("
    "(SELECT transaction_id, line_no, posted_at, -quantity AS quantity, from_seq AS seq, "
    "from_after AS after FROM stock_moves WHERE tenant_id = bound.tenant::uuid "
    "AND from_account = account.id AND from_seq IS NOT NULL ORDER BY from_seq LIMIT $4) "
    "UNION ALL "
    "(SELECT transaction_id, line_no, posted_at, quantity, to_seq, to_after FROM stock_moves "
    "WHERE tenant_id = bound.tenant::uuid AND to_account = account.id AND to_seq IS NOT NULL "
    "ORDER BY to_seq LIMIT $4)) AS move ORDER BY move.seq LIMIT $4 OFFSET 0) AS answer"
)
