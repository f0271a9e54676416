\set tenant random(1, :tenants)
\set item random(1, :items)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
SELECT {columns} FROM items WHERE tenant_id = {tenant}::uuid AND id = {item}::uuid;
COMMIT;
