-- Rows whose level the store does not have.
SELECT c.line, 'level', 'unknown_level'
FROM import_checked c
WHERE NOT c.is_bad AND c.level IS NOT NULL
  AND NOT EXISTS (SELECT FROM members_level l WHERE l.store_id = c.store_id AND l.name = c.level)
