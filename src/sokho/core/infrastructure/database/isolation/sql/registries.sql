-- Columns that a tenant column refers to: the ids of tenants, in a table of tenants.
-- $1: the tenant column.
SELECT DISTINCT k.confrelid AS oid, theirs.attname AS column, theirs.attnum AS number,
       format_type(theirs.atttypid, theirs.atttypmod) AS type, theirs.attnotnull AS not_null
FROM pg_constraint AS k
JOIN pg_attribute AS mine ON mine.attrelid = k.conrelid AND mine.attnum = k.conkey[1]
JOIN pg_attribute AS theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
  AND mine.attname = $1 AND theirs.attname <> $1
