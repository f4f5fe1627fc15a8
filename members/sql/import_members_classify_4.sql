UPDATE import_rows r
SET conflict_code = CASE WHEN s.owners > 1 THEN 'phone_of_another_person' ELSE r.conflict_code END,
    person_is_new = r.person_is_new AND r.person_id = s.person_id,
    person_id = CASE WHEN r.member_id IS NULL THEN s.person_id ELSE r.person_id END
FROM import_shared_phone s
WHERE r.phone_is_new AND r.phone_hash = s.phone_hash
