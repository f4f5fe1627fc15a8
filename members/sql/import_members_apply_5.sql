-- A phone that a person gave up everywhere is theirs no more; where another store still knows it, it stays. After the members were changed.
UPDATE members_identity i
SET ended_at = %(now)s
FROM import_rows r
WHERE r.action = 'update' AND r.phone_changed AND i.kind_id = 'phone' AND i.value_hash = r.old_phone_hash AND i.ended_at IS NULL AND i.person_id = r.person_id
  AND NOT EXISTS (SELECT FROM members_member m WHERE m.person_id = r.person_id AND m.phone_hash = r.old_phone_hash)
