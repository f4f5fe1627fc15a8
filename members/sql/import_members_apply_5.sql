-- A phone that a person gave up everywhere is theirs no more; where another store still knows it, it stays. After the members were changed.
WITH given_up AS MATERIALIZED (
    SELECT DISTINCT person_id, old_phone_hash FROM import_rows WHERE action = 'update' AND phone_changed AND old_phone_hash IS NOT NULL
), kept AS MATERIALIZED (
    SELECT g.person_id, g.old_phone_hash FROM given_up g JOIN members_member m ON m.person_id = g.person_id AND m.phone_hash = g.old_phone_hash
)
UPDATE members_identity i
SET ended_at = %(now)s
FROM given_up g
WHERE i.kind_id = 'phone' AND i.value_hash = g.old_phone_hash AND i.ended_at IS NULL AND i.person_id = g.person_id
  AND (g.person_id, g.old_phone_hash) NOT IN (SELECT person_id, old_phone_hash FROM kept)
