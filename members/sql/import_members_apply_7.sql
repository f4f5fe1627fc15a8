-- Evidence for staff: the phone the member had was seen with the phone of somebody else. Nobody is merged by it.
INSERT INTO members_identitylink (first_id, second_id, source, seen_at)
SELECT DISTINCT least(old.id, new.id), greatest(old.id, new.id), 'import', %(now)s::timestamptz
FROM import_rows r
JOIN members_identity new ON new.kind_id = 'phone' AND new.value_hash = r.phone_hash AND new.ended_at IS NULL
JOIN members_identity old ON old.kind_id = 'phone' AND old.value_hash = r.old_phone_hash AND old.ended_at IS NULL
WHERE r.action = 'conflict' AND r.conflict_code = 'phone_of_another_person' AND old.id <> new.id
ORDER BY 1, 2
ON CONFLICT DO NOTHING
