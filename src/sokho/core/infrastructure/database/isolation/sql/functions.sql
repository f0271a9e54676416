-- Functions of users' own: what runs as its owner, what calls itself leakproof, what these call.
-- $1: the roles that the service acts as.
SELECT f.oid, format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid))
         AS name,
       n.nspname AS schema, f.proowner AS owner, f.prosecdef AS is_definer,
       f.proleakproof AS is_leakproof,
       f.provolatile::text AS volatility, l.lanname AS language, f.pronargs AS arguments,
       coalesce(pg_get_function_sqlbody(f.oid), f.prosrc) AS body,
       coalesce(f.proconfig, '{}') AS settings,
       f.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger,
       EXISTS (SELECT FROM unnest($1::oid[]) AS role (oid)
               WHERE has_schema_privilege(role.oid, f.pronamespace, 'USAGE')
                 AND has_function_privilege(role.oid, f.oid, 'EXECUTE')) AS is_executable,
       ARRAY(SELECT t.tgrelid FROM pg_trigger AS t
             WHERE t.tgfoid = f.oid AND t.tgenabled <> 'D' AND NOT t.tgisinternal) AS on_tables,
       EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass
               AND d.objid = f.oid AND d.deptype = 'e') AS is_extension,
       f.prokind = 'a' AS is_aggregate
FROM pg_proc AS f
JOIN pg_namespace AS n ON n.oid = f.pronamespace
JOIN pg_language AS l ON l.oid = f.prolang
WHERE n.nspname !~ '^(pg_|information_schema$)'
ORDER BY 2
