-- Every relation that is nobody's but the users': what it is, whose it is, and its tenant column.
-- $1: the tenant column.
SELECT c.oid, n.nspname AS schema, format('%I.%I', n.nspname, c.relname) AS name,
       c.relname AS bare_name, c.relkind::text AS kind, c.relowner AS owner,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS forced,
       c.relispartition AS is_partition, c.reltuples > 0 AS has_rows,
       ARRAY(SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid) AS parents,
       tenant.attname AS tenant, tenant.attnum AS tenant_number,
       format_type(tenant.atttypid, tenant.atttypmod) AS tenant_type,
       tenant.attnotnull OR kind.typnotnull OR EXISTS (
           SELECT FROM pg_constraint AS k
           WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated
             AND pg_get_expr(k.conbin, k.conrelid) = '(' || quote_ident(tenant.attname) || ' IS NOT NULL)'
       ) AS has_always_tenant,
       coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) AS o
                 WHERE o.option_name = 'security_invoker'), false) AS is_invoker,
       -- The only column of the primary key, by which a table of tenants is sealed.
       (SELECT a.attname FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1) AS key_column
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS tenant
  ON tenant.attrelid = c.oid AND tenant.attname = $1 AND NOT tenant.attisdropped
LEFT JOIN pg_type AS kind ON kind.oid = tenant.atttypid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema$)'
  -- What an extension brought is the extension's.
  AND NOT EXISTS (SELECT FROM pg_depend AS d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
