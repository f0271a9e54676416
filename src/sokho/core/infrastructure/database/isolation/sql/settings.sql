-- Settings that a role or the database begins its sessions with. $1: the roles that the service
-- acts as; $2: the setting that binds the tenant.
SELECT CASE WHEN lower(given.name) = lower($2) THEN 'setting_preset' ELSE 'row_security_off' END
         AS code,
       true AS is_finding,
       CASE WHEN s.setrole = 0 THEN quote_ident(current_database())
            ELSE s.setrole::regrole::text END AS object,
       config AS detail,
       CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I RESET %s', current_database(), given.name)
            WHEN s.setdatabase = 0 THEN format('ALTER ROLE %s RESET %s', s.setrole::regrole, given.name)
            ELSE format('ALTER ROLE %s IN DATABASE %I RESET %s', s.setrole::regrole,
                        current_database(), given.name) END AS mend
FROM pg_db_role_setting AS s
CROSS JOIN unnest(s.setconfig) AS config
CROSS JOIN LATERAL (SELECT split_part(config, '=', 1) AS name,
                           substr(config, strpos(config, '=') + 1) AS value) AS given
WHERE (s.setrole = 0 OR s.setrole = ANY ($1::oid[]))
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND (lower(given.name) = lower($2) AND given.value <> ''
       OR given.name = 'row_security' AND given.value IN ('off', 'false', 'no', '0', 'f', 'n'))
ORDER BY 1, 3
