\set tenant random(1, :tenants)
\set item 50 * random(1, :pages)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
SELECT {columns} FROM items WHERE tenant_id = {tenant}::uuid AND id > {item}::uuid
ORDER BY id LIMIT 50;
COMMIT;
