\set tenant random(1, :tenants)
WITH bound AS MATERIALIZED (
    SELECT set_config('app.current_tenant', {tenant}, true) AS tenant, uuidv7() AS id
)
INSERT INTO items ({columns}, sku_key)
SELECT id, tenant::uuid, 'PG-' || id, {new}, 'pg-' || id FROM bound
RETURNING {columns};
