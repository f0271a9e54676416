\set tenant random(1, :tenants)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
WITH made AS MATERIALIZED (SELECT uuidv7() AS id)
INSERT INTO items ({columns}, sku_key)
SELECT id, {tenant}::uuid, 'PG-' || id, {new}, 'pg-' || id FROM made
RETURNING {columns};
COMMIT;
