-- All purchases of a member stand in one line.
SELECT id FROM members_member WHERE id IN (SELECT member_id FROM import_rows WHERE action = 'create') ORDER BY id FOR UPDATE
