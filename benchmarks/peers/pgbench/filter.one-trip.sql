\set tenant random(1, :tenants)
SELECT answer.* FROM set_config('app.current_tenant', {tenant}, true) AS bound(tenant)
CROSS JOIN LATERAL (
    SELECT {columns} FROM items WHERE tenant_id = bound.tenant::uuid AND status = 'archived'
    ORDER BY id LIMIT 50 OFFSET 0
) AS answer;
