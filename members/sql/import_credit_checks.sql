-- Rows of a top-up file that cannot be booked. Parameters: now. Read by the import engine: (line, column_name, code).
SELECT c.line, found.column_name, found.code
FROM import_checked c
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
CROSS JOIN LATERAL (VALUES
    ('member_no', 'unknown_member', m.id IS NULL),
    ('member_no', 'member_closed', m.status = 'CLOSED'),
    -- a list of lots that was downloaded and comes back names these too: then the lot is there
    ('source_no', 'source_no_reserved', c.source_no ~ '^(adjust|refund|release|new):'
        AND NOT EXISTS (SELECT FROM members_creditlot l WHERE l.store_id = c.store_id AND l.source_no = c.source_no)),
    ('principal_amount', 'credit_empty', c.principal_amount + coalesce(c.bonus_amount, 0) = 0),
    ('expires_at', 'expires_before_opening', c.expires_at <= coalesce(c.opened_at, %(now)s))
) AS found (column_name, code, is_so)
WHERE NOT c.is_bad AND found.is_so
