INSERT INTO members_tag (store_id, name)
SELECT DISTINCT store_id, name FROM import_tag WHERE NOT is_there
ORDER BY 1, 2
ON CONFLICT DO NOTHING
