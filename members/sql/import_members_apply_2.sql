-- New people, one a row: of rows that share a phone only the one whose person was kept still has person_is_new.
INSERT INTO members_person (id, created_at)
SELECT person_id, %(now)s FROM import_rows WHERE person_is_new AND action = 'create' ORDER BY person_id
