INSERT INTO members_phonechange (member_id, old_masked, new_masked, source, happened_at)
SELECT member_id, old_phone_masked, phone_masked, 'import:' || %(job)s::text, %(now)s
FROM import_rows
WHERE action = 'update' AND phone_changed
ORDER BY member_id
