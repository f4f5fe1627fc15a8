-- Phones nobody is known by, in order of the index. Somebody else's insert meanwhile is a unique violation: all begins anew.
INSERT INTO members_identity (kind_id, value_hash, value_masked, person_id, seen_at)
SELECT DISTINCT ON (phone_hash) 'phone', phone_hash, phone_masked, person_id, %(now)s
FROM import_rows
WHERE phone_is_new AND action IN ('create', 'update')
ORDER BY phone_hash, member_id
