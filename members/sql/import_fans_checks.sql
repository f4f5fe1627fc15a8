-- Rows of a fans file that cannot be facts. An empty part of an identity arrives as NULL. Read by the import engine: (line, column_name, code).
-- Somebody named twice in the same way is a fault of both rows.
SELECT c.line, found.column_name, found.code
FROM (
    SELECT *, count(*) OVER (PARTITION BY store_id, member_no, CASE WHEN member_no IS NULL THEN identity_code END,
                             CASE WHEN member_no IS NULL THEN identity_hash END) > 1 AS is_twice
    FROM import_checked
    WHERE NOT is_bad
) c
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
CROSS JOIN LATERAL (VALUES
    ('member_no', 'unknown_member', c.member_no IS NOT NULL AND m.id IS NULL),
    ('member_no', 'fan_missing', c.member_no IS NULL AND c.identity_kind IS NULL AND c.identity_code IS NULL AND c.identity_problem IS NULL),
    ('identity_value', 'identity_incomplete', c.member_no IS NULL AND c.identity_kind IS NOT NULL AND c.identity_code IS NULL AND c.identity_problem IS NULL),
    (CASE WHEN c.identity_problem = 'unknown_identity_kind' THEN 'identity_kind' ELSE 'identity_value' END, c.identity_problem, c.identity_problem IS NOT NULL),
    ('followed_at', 'in_the_future', c.followed_at > %(now)s::timestamptz + interval '1 day'),
    ('last_seen_at', 'in_the_future', c.last_seen_at > %(now)s::timestamptz + interval '1 day'),
    (CASE WHEN c.member_no IS NULL THEN 'identity_value' ELSE 'member_no' END, 'key_twice',
     c.is_twice AND (c.member_no IS NOT NULL OR c.identity_code IS NOT NULL AND c.identity_problem IS NULL))
) AS found (column_name, code, is_so)
WHERE found.is_so
