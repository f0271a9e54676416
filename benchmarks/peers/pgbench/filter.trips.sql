\set tenant random(1, :tenants)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
SELECT {columns} FROM items WHERE tenant_id = {tenant}::uuid AND status = 'archived'
ORDER BY id LIMIT 50;
COMMIT;
