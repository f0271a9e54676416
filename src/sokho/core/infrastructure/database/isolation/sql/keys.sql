-- Keys and indexes: they look past row-level security, so the tenant must be in each.
-- $1: tenant tables; $2: the number of the tenant column of each; $3: whether the service may
-- write to each; $4: whether it is a table of tenants.
WITH tenant_table AS (
    SELECT c.oid, c.oid::regclass AS name, t.tenant, t.is_registry, a.attname AS column,
           c.relispartition AS is_partition,
           -- Rows come to a partition by its parents, too.
           t.writable OR c.relispartition AND EXISTS (
               SELECT FROM unnest($1::oid[], $3::boolean[]) AS parent (oid, writable)
               JOIN pg_partition_ancestors(c.oid) AS above ON above = parent.oid
               WHERE parent.writable
           ) AS writable
    FROM unnest($1::oid[], $2::smallint[], $3::boolean[], $4::boolean[])
      AS t (oid, tenant, writable, is_registry)
    JOIN pg_class AS c ON c.oid = t.oid
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = t.tenant
),
unique_index AS (
    -- Unique over all tenants: an INSERT that is refused tells that another tenant has the value.
    SELECT t.*, i.indexrelid, i.indexrelid::regclass AS index, k.conname, k.contype,
           -- Nobody guesses a uuid, and a generated number tells nothing that it does not tell
           -- anyway: such a key costs a finding nothing.
           EXISTS (
               SELECT FROM generate_series(0, i.indnkeyatts - 1) AS at
               JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[at]
               LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
               WHERE a.atttypid = 'uuid'::regtype OR a.attidentity <> ''
                  OR pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\('
           ) AS is_unguessable
    FROM tenant_table AS t
    JOIN pg_index AS i ON i.indrelid = t.oid AND (i.indisunique OR i.indisexclusion)
    LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid)  -- told of the parent
      AND NOT EXISTS (
          SELECT FROM generate_series(0, i.indnkeyatts - 1) AS at
          WHERE i.indkey[at] = t.tenant
            AND (k.contype IS DISTINCT FROM 'x'
                 OR (SELECT oprname FROM pg_operator WHERE oid = k.conexclop[at + 1]) = '=')
      )
),
foreign_key AS (
    SELECT k.*, child.name AS child, child.column AS child_column, child.tenant AS child_tenant,
           parent.name AS parent, parent.column AS parent_column, parent.tenant AS parent_tenant,
           parent.is_registry,
           EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS pair (mine, theirs)
                   WHERE mine = child.tenant AND theirs = parent.tenant) AS pairs_tenant,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY at) FROM
              unnest(k.conkey) WITH ORDINALITY AS key (number, at)
              JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = number
              WHERE number <> child.tenant) AS child_columns,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY at) FROM
              unnest(k.confkey) WITH ORDINALITY AS key (number, at)
              JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = number
              WHERE number <> parent.tenant) AS parent_columns
    FROM pg_constraint AS k
    JOIN tenant_table AS child ON child.oid = k.conrelid
    LEFT JOIN tenant_table AS parent ON parent.oid = k.confrelid
    WHERE k.contype = 'f' AND k.conparentid = 0
)
SELECT CASE WHEN is_unguessable THEN 'unique_over_ids' ELSE 'unique_without_tenant' END AS code,
       NOT is_unguessable AND writable AND NOT is_registry AS is_finding, name::text AS object,
       coalesce(conname::text, index::text) AS detail,
       CASE WHEN contype IN ('p', 'u') THEN
           format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', name, conname,
                  regexp_replace(pg_get_constraintdef(k.oid), '\(', format('(%I, ', t.column)))
       WHEN contype = 'x' THEN
           format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', name, conname,
                  regexp_replace(pg_get_constraintdef(k.oid), '\(', format('(%I WITH =, ', t.column)))
       ELSE format('DROP INDEX %s; %s', index,
                   regexp_replace(pg_get_indexdef(indexrelid), '\(', format('(%I, ', t.column)))
       END AS mend
FROM unique_index AS t
LEFT JOIN LATERAL (SELECT oid FROM pg_constraint
                   WHERE conrelid = t.oid AND conname = t.conname) AS k ON true
UNION ALL
SELECT 'foreign_key_without_tenant', NOT is_registry, child::text, conname::text,
       format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I FOREIGN KEY (%I, %s) '
              'REFERENCES %s (%I, %s)', child, conname, child_column, child_columns,
              parent, parent_column, parent_columns)
FROM foreign_key
WHERE parent IS NOT NULL AND NOT pairs_tenant
UNION ALL
SELECT 'foreign_key_clears_tenant', true, child::text, conname::text,
       format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', child, conname,
              regexp_replace(pg_get_constraintdef(oid),
                             'ON (DELETE|UPDATE) SET (NULL|DEFAULT)( \([^)]*\))?', 'ON \1 RESTRICT', 'g'))
FROM foreign_key
WHERE child_tenant = ANY (conkey)
  AND (confupdtype IN ('n', 'd')
       OR confdeltype IN ('n', 'd')
          AND (confdelsetcols IS NULL OR child_tenant = ANY (confdelsetcols)))
UNION ALL
SELECT 'foreign_key_not_validated', false, child::text, conname::text,
       format('ALTER TABLE %s VALIDATE CONSTRAINT %I', child, conname)
FROM foreign_key
WHERE parent IS NOT NULL AND NOT convalidated
UNION ALL
SELECT 'tenant_index_missing', false, name::text, tenant_table.column::text,
       format('CREATE INDEX ON %s (%I)', name, tenant_table.column)
FROM tenant_table
WHERE NOT is_partition
  AND NOT EXISTS (SELECT FROM pg_index AS i
                  WHERE i.indrelid = tenant_table.oid AND i.indkey[0] = tenant_table.tenant)
UNION ALL
SELECT 'tenant_default_fixed', false, name::text, pg_get_expr(d.adbin, d.adrelid),
       format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', name, t.column)
FROM tenant_table AS t
JOIN pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = t.tenant
WHERE NOT t.is_registry AND pg_get_expr(d.adbin, d.adrelid) !~ '\('
ORDER BY 1, 3, 4
