-- Every policy, with its text and the functions and operators of users' own that it calls.
SELECT p.polrelid AS relation, p.polname AS name, p.polpermissive AS permissive,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                     WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
       p.polroles AS roles,
       pg_get_expr(p.polqual, p.polrelid) AS using,
       pg_get_expr(p.polwithcheck, p.polrelid) AS check,
       ARRAY(SELECT d.refobjid FROM pg_depend AS d
             WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_proc'::regclass) AS functions,
       ARRAY(SELECT d.refobjid::regoperator::text FROM pg_depend AS d
             WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_operator'::regclass
               AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_operator'::regclass
                               AND e.objid = d.refobjid AND e.deptype = 'e')) AS operators
FROM pg_policy AS p
ORDER BY p.polrelid, p.polname
