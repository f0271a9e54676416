\set tenant random(1, :tenants)
\set item random(1, :items)
BEGIN;
SELECT set_config('app.current_tenant', {tenant}, true);
UPDATE items SET name = 'Bu lông ' || version, version = version + 1, updated_at = now()
WHERE tenant_id = {tenant}::uuid AND id = {item}::uuid
RETURNING {columns};
COMMIT;
