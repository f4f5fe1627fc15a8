-- People who were merged into others: where a phone leads to one of them, it means the one at the end.
CREATE TEMP TABLE import_merged ON COMMIT DROP AS
WITH RECURSIVE chain AS (
    SELECT id, merged_into_id AS survivor_id FROM members_person WHERE merged_into_id IS NOT NULL
    UNION
    SELECT chain.id, p.merged_into_id FROM chain JOIN members_person p ON p.id = chain.survivor_id WHERE p.merged_into_id IS NOT NULL
)
SELECT chain.id, chain.survivor_id FROM chain JOIN members_person p ON p.id = chain.survivor_id WHERE p.merged_into_id IS NULL
