\set tenant random(1, :tenants)
\set item random(1, :items)
SELECT answer.* FROM set_config('app.current_tenant', {tenant}, true) AS bound(tenant)
CROSS JOIN LATERAL (
    SELECT {columns} FROM items WHERE tenant_id = bound.tenant::uuid AND id = {item}::uuid OFFSET 0
) AS answer;
