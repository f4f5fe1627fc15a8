-- Whose purchases the file changed, members or not: one row a store and person, for the statements of ``services.purchases``.
CREATE TEMP TABLE import_buyers ON COMMIT DROP AS
SELECT DISTINCT r.store_id, coalesce(r.person_id, p.person_id) AS person_id
FROM import_rows r
LEFT JOIN import_people p ON r.person_id IS NULL AND p.identity_code = r.identity_code AND p.identity_hash = r.identity_hash
WHERE r.action IN ('create', 'update')
