-- A new number for a person who is a member of the store already, known before or by another row of this file.
-- Only rows whose person was not made for them can be meant. Index: member_person_once_a_store.
UPDATE import_rows r
SET conflict_code = 'person_already_member'
WHERE r.member_id IS NULL AND NOT r.person_is_new
  AND (
      EXISTS (SELECT FROM members_member m WHERE m.store_id = r.store_id AND m.person_id = r.person_id)
      OR (r.store_id, r.person_id) IN (
          SELECT store_id, person_id FROM import_rows
          WHERE member_id IS NULL AND person_id IN (SELECT person_id FROM import_rows WHERE member_id IS NULL AND NOT person_is_new)
          GROUP BY store_id, person_id HAVING count(*) > 1
      )
  )
