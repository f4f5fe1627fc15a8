-- The phone is another member's of the store. Index: member_phone_once_a_store.
SELECT c.line, 'phone', 'phone_taken'
FROM import_checked c
JOIN members_member m ON m.store_id = c.store_id AND m.phone_hash = c.phone_hash
WHERE NOT c.is_bad AND m.member_no <> c.member_no
