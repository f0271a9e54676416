-- One column of each of these relations. $1: the relations; $2: the columns.
SELECT a.attrelid AS oid, a.attnum AS number, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null
FROM unnest($1::oid[], $2::text[]) AS wanted (relation, name)
JOIN pg_attribute AS a ON a.attrelid = wanted.relation AND a.attname = wanted.name
