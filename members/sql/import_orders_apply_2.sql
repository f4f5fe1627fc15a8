-- A live value of a kind is one person: when somebody else made the identity meanwhile, the unique key refuses and the file is applied again.
-- Parameters: now.
WITH people AS (
    INSERT INTO members_person (id) SELECT person_id FROM import_people ORDER BY person_id
)
INSERT INTO members_identity (kind_id, value_hash, value_masked, person_id, seen_at)
SELECT identity_code, identity_hash, identity_masked, person_id, %(now)s FROM import_people ORDER BY identity_code, identity_hash
