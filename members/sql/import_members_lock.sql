-- Members whose phone this file changes, locked in order of their id; whether the phone is still what it was compared with.
SELECT m.id, m.phone_hash IS DISTINCT FROM r.old_phone_hash
FROM members_member m
JOIN import_rows r ON r.member_id = m.id
WHERE r.action = 'update' AND r.phone_changed
ORDER BY m.id
FOR UPDATE OF m
