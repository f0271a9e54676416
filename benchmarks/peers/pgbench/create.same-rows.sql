-- The same as create.trips.sql, with the event that Sokho writes beside the item.
\set tenant random(1, :tenants)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
WITH made AS MATERIALIZED (
    SELECT uuidv7() AS id
), event AS (
    INSERT INTO events (tenant_id, id, type, resource_id, actor, request_id, changes, created_at)
    SELECT {tenant}::uuid, uuidv7(), 'item.created', id::text, 'benchmark', id,
           jsonb_build_object('sku', jsonb_build_object('after', 'PG-' || id)), now()
    FROM made
)
INSERT INTO items ({columns}, sku_key)
SELECT id, {tenant}::uuid, 'PG-' || id, {new}, 'pg-' || id FROM made
RETURNING {columns};
COMMIT;
