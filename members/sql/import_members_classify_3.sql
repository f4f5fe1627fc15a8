-- Phones nobody is known by that stand in several stores of this file: one person for all of them, an existing member's if there is one.
-- A file of one store cannot have any (phone_twice): then nothing is read.
CREATE TEMP TABLE import_shared_phone ON COMMIT DROP AS
SELECT phone_hash, coalesce(min(person_id) FILTER (WHERE member_id IS NOT NULL), min(person_id)) AS person_id,
       count(DISTINCT person_id) FILTER (WHERE member_id IS NOT NULL) AS owners
FROM import_rows
WHERE phone_is_new AND (SELECT min(store_id) <> max(store_id) FROM import_checked)
GROUP BY phone_hash
HAVING count(*) > 1
