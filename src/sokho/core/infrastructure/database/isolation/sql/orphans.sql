-- Foreign keys between tenant tables, as anti-joins. $1: tenant tables.
SELECT k.conrelid::regclass::text AS child, k.conname::text AS name,
       format('SELECT FROM %s AS child WHERE %s AND NOT EXISTS (SELECT FROM %s AS parent WHERE %s) LIMIT 1',
              k.conrelid::regclass,
              string_agg(format('child.%I IS NOT NULL', mine.attname), ' AND '),
              k.confrelid::regclass,
              string_agg(format('parent.%I = child.%I', theirs.attname, mine.attname), ' AND '))
         AS query
FROM pg_constraint AS k
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (mine, theirs)
JOIN pg_attribute AS mine ON mine.attrelid = k.conrelid AND mine.attnum = pair.mine
JOIN pg_attribute AS theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = pair.theirs
WHERE k.contype = 'f' AND k.conparentid = 0
  AND k.conrelid = ANY ($1::oid[]) AND k.confrelid = ANY ($1::oid[])
GROUP BY k.oid, k.conrelid, k.confrelid, k.conname
ORDER BY 1, 2
