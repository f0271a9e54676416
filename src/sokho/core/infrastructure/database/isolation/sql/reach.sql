-- The service's role, and every role that it is, inherits from or could become.
-- $1: the service's role.
SELECT role.oid, role.rolname AS name, role.rolname = $1 AS is_app,
       role.rolsuper AS superuser, role.rolbypassrls AS bypass_rls,
       role.rolcreaterole AS creates_roles, role.rolreplication AS replicates
FROM pg_roles AS app
JOIN pg_roles AS role
  -- A superuser is a member of everybody: that it is one says enough.
  ON role.oid = app.oid OR (NOT app.rolsuper AND pg_has_role(app.oid, role.oid, 'MEMBER'))
WHERE app.rolname = $1
ORDER BY role.oid <> app.oid, role.rolname
