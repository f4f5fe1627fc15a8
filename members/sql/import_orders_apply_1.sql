-- The people behind identities that nobody knows yet, one each.
CREATE TEMP TABLE import_people ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('members_person', 'id')) AS person_id, identity_code, identity_hash, identity_masked
FROM (
    SELECT identity_code, identity_hash, min(identity_masked) AS identity_masked
    FROM import_rows
    WHERE action = 'create' AND person_id IS NULL
    GROUP BY identity_code, identity_hash
    ORDER BY identity_code, identity_hash
) unknown
