\set tenant random(1, :tenants)
\set item 50 * random(1, :pages)
SELECT answer.* FROM set_config('app.current_tenant', {tenant}, true) AS bound(tenant)
CROSS JOIN LATERAL (
    SELECT {columns} FROM items WHERE tenant_id = bound.tenant::uuid AND id > {item}::uuid
    ORDER BY id LIMIT 50 OFFSET 0
) AS answer;
