-- Roles that own something or stand in a policy, and which of them each has the rights of.
-- $1: the roles.
SELECT role.oid, role.rolname AS name, role.rolsuper AS superuser, role.rolbypassrls AS bypass_rls,
       ARRAY(SELECT other.oid FROM unnest($1::oid[]) AS other (oid)
             WHERE other.oid IN (SELECT oid FROM pg_roles)
               AND pg_has_role(role.oid, other.oid, 'USAGE')) AS has_rights_of
FROM pg_roles AS role
WHERE role.oid = ANY ($1::oid[])
