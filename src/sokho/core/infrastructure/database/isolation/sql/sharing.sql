-- What carries rows out of row-level security's reach: publications and rewrite rules.
-- $1: tenant tables; $2: relations that the service may write to.
SELECT 'publication' AS code, true AS is_finding, quote_ident(p.pubname) AS object,
       (array_agg(c.oid::regclass::text ORDER BY c.oid))[1]
         || CASE WHEN count(*) > 1 THEN format(', … (%s)', count(*)) ELSE '' END AS detail,
       CASE WHEN pub.puballtables THEN format('DROP PUBLICATION %I', p.pubname)
            ELSE format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname,
                        string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid)) END AS mend
FROM pg_publication_tables AS p
JOIN pg_publication AS pub ON pub.pubname = p.pubname
JOIN pg_class AS c ON c.relname = p.tablename
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = p.schemaname
WHERE c.oid = ANY ($1::oid[])
GROUP BY p.pubname, pub.puballtables
UNION ALL
-- The statements of a rule run with the rights of the table's owner.
SELECT 'rewrite_rule', true, rule.ev_class::regclass::text, rule.rulename::text,
       format('DROP RULE %I ON %s', rule.rulename, rule.ev_class::regclass)
FROM pg_rewrite AS rule
WHERE rule.ev_class = ANY ($2::oid[]) AND rule.rulename <> '_RETURN' AND rule.ev_enabled <> 'D'
ORDER BY 1, 3
