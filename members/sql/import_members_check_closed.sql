-- A closed account stays as it is. Index: member_no_once_a_store.
SELECT c.line, 'member_no', 'account_closed'
FROM import_checked c
JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
WHERE NOT c.is_bad AND m.status = 'CLOSED'
