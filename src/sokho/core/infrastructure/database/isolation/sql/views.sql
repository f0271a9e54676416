-- What each view and materialized view reads. A view's query is its rewrite rule.
SELECT rule.ev_class AS view, array_agg(DISTINCT d.refobjid) AS reads
FROM pg_rewrite AS rule
JOIN pg_class AS c ON c.oid = rule.ev_class AND c.relkind IN ('v', 'm')
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname !~ '^(pg_|information_schema$)'
JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.oid
 AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> rule.ev_class
GROUP BY rule.ev_class
