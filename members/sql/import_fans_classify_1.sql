-- Whom each good row of a fans file is about: the member number decides, without one the identity does. Two rows of one person and store, under
-- several names, are one: of each the latest. ``person_id`` NULL: nobody is known by the identity yet; ``one`` tells those apart.
CREATE TEMP TABLE import_told ON COMMIT DROP AS
SELECT c.line, c.store_id, c.identity_code, c.identity_hash, c.identity_masked, c.followed_at, c.subscribed, c.last_seen_at,
       coalesce(m.person_id, p.merged_into_id, i.person_id) AS person_id
FROM import_checked c
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
LEFT JOIN members_identity i ON m.id IS NULL AND i.kind_id = c.identity_code AND i.value_hash = c.identity_hash AND i.ended_at IS NULL
LEFT JOIN members_person p ON p.id = i.person_id
WHERE NOT c.is_bad
