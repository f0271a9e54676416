-- What each of these roles may do with each of these relations, if only with one column of it.
-- $1: the roles; $2: the relations.
SELECT c.oid AS relation, role.oid AS role, array_agg(p.privilege) AS privileges
FROM unnest($1::oid[]) AS role (oid)
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
  AS p (privilege)
CROSS JOIN pg_class AS c
WHERE c.oid = ANY ($2::oid[]) AND has_schema_privilege(role.oid, c.relnamespace, 'USAGE')
  AND (has_table_privilege(role.oid, c.oid, p.privilege)
       OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
          AND has_any_column_privilege(role.oid, c.oid, p.privilege))
GROUP BY c.oid, role.oid
