-- Rights beyond reading and writing rows: row-level security filters neither.
-- $1: the roles that the service acts as; $2: tenant tables; $3: schemas; $4: may objects of
-- the whole database be judged.
WITH acting AS (
    SELECT role.oid, role.oid::regrole::text AS name FROM unnest($1::oid[]) AS role (oid)
),
tenant_table AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relacl, c.relowner
    FROM pg_class AS c WHERE c.oid = ANY ($2::oid[])
)
SELECT 'excess_grant' AS code, true AS is_finding, t.name AS object,
       string_agg(DISTINCT p.privilege, ', ') AS detail,
       format('REVOKE %s ON %s FROM %s', string_agg(DISTINCT p.privilege, ', '), t.name, acting.name)
         AS mend
FROM tenant_table AS t
CROSS JOIN acting
CROSS JOIN unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
WHERE t.relkind IN ('r', 'p') AND NOT pg_has_role(acting.oid, t.relowner, 'USAGE')
  AND (has_table_privilege(acting.oid, t.oid, p.privilege)
       OR p.privilege = 'REFERENCES' AND has_any_column_privilege(acting.oid, t.oid, p.privilege))
GROUP BY t.name, acting.name
UNION ALL
SELECT 'granted_to_public', true, t.name, string_agg(DISTINCT g.privilege_type, ', '),
       format('REVOKE ALL ON %s FROM PUBLIC', t.name)
FROM tenant_table AS t
CROSS JOIN LATERAL (
    SELECT a.privilege_type FROM aclexplode(t.relacl) AS a WHERE a.grantee = 0
    UNION ALL
    SELECT a.privilege_type FROM pg_attribute AS c, aclexplode(c.attacl) AS a
    WHERE c.attrelid = t.oid AND a.grantee = 0
) AS g
GROUP BY t.name
UNION ALL
SELECT 'schema_create', true, quote_ident(n.nspname), acting.name,
       format('REVOKE CREATE ON SCHEMA %I FROM %s, PUBLIC', n.nspname, acting.name)
FROM pg_namespace AS n CROSS JOIN acting
WHERE n.nspname = ANY ($3::text[]) AND has_schema_privilege(acting.oid, n.oid, 'CREATE')
UNION ALL
-- What is made tomorrow would be open until somebody seals it.
SELECT 'default_privileges', true,
       coalesce(quote_ident(n.nspname), 'every schema'),
       format('%s: %s', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
              string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s REVOKE ALL ON %s FROM %s', d.defaclrole::regrole,
              'IN SCHEMA ' || quote_ident(n.nspname),
              CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
FROM pg_default_acl AS d
LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
WHERE (d.defaclobjtype = 'r' OR d.defaclobjtype = 'S' AND a.privilege_type <> 'USAGE')
  AND (n.nspname IS NULL OR n.nspname = ANY ($3::text[]))
  AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM acting)) AND a.grantee <> d.defaclrole
GROUP BY n.nspname, d.defaclrole, d.defaclobjtype, a.grantee
UNION ALL
-- How many rows everybody has inserted.
SELECT 'sequence_granted', true, c.oid::regclass::text, string_agg(DISTINCT p.privilege, ', '),
       format('REVOKE %s ON SEQUENCE %s FROM %s', string_agg(DISTINCT p.privilege, ', '),
              c.oid::regclass, acting.name)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ANY ($3::text[])
CROSS JOIN acting
CROSS JOIN unnest(ARRAY['SELECT', 'UPDATE']) AS p (privilege)
WHERE c.relkind = 'S' AND NOT pg_has_role(acting.oid, c.relowner, 'USAGE')
  AND has_schema_privilege(acting.oid, n.oid, 'USAGE')
  AND has_sequence_privilege(acting.oid, c.oid, p.privilege)
GROUP BY c.oid, acting.name
UNION ALL
SELECT 'large_objects', false, 'pg_largeobject', count(*)::text, NULL
FROM pg_largeobject_metadata AS l
WHERE $4 AND (l.lomowner IN (SELECT oid FROM acting)
       OR EXISTS (SELECT FROM aclexplode(l.lomacl) AS a
                  WHERE a.grantee = 0 OR a.grantee IN (SELECT oid FROM acting)))
HAVING count(*) > 0
UNION ALL
-- Values of every tenant's rows, passwords, files of the server.
SELECT 'system_grant', true, c.oid::regclass::text, acting.name,
       format('REVOKE SELECT ON %s FROM %s, PUBLIC', c.oid::regclass, acting.name)
FROM pg_class AS c CROSS JOIN acting
WHERE $4 AND c.relnamespace = 'pg_catalog'::regnamespace
  AND c.relname IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_authid', 'pg_shadow',
                    'pg_largeobject', 'pg_hba_file_rules', 'pg_user_mapping', 'pg_subscription')
  AND has_table_privilege(acting.oid, c.oid, 'SELECT')
UNION ALL
SELECT 'system_grant', true, f.oid::regprocedure::text, acting.name,
       format('REVOKE EXECUTE ON FUNCTION %s FROM %s, PUBLIC', f.oid::regprocedure, acting.name)
FROM pg_proc AS f CROSS JOIN acting
WHERE $4 AND f.pronamespace = 'pg_catalog'::regnamespace
  AND f.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'lo_import', 'lo_export')
  AND has_function_privilege(acting.oid, f.oid, 'EXECUTE')
ORDER BY 1, 3, 4
