-- Tags that rows name, and which of them the member has. Index: member_tag_once.
CREATE TEMP TABLE import_tag ON COMMIT DROP AS
SELECT DISTINCT r.line, r.store_id, r.member_no, named.name, mt.id IS NOT NULL AS is_there
FROM import_rows r
CROSS JOIN LATERAL unnest(r.tags) AS named (name)
LEFT JOIN members_tag t ON t.store_id = r.store_id AND t.name = named.name
LEFT JOIN members_membertag mt ON mt.member_id = r.member_id AND mt.tag_id = t.id
WHERE r.tags IS NOT NULL AND r.action <> 'conflict'
