-- Rows of a file of paid memberships that cannot be. Parameters: today. Read by the import engine: (line, column_name, code).
-- An order that is there already is looked at by the next step only: what was bought stays, whatever became of plan or member.
SELECT c.line, found.column_name, found.code
FROM import_checked c
JOIN tenancy_store s ON s.id = c.store_id
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
LEFT JOIN paid_paidprogram p ON p.store_id = c.store_id AND p.name = c.program
LEFT JOIN paid_paidmembership t ON t.store_id = c.store_id AND t.order_no = c.order_no
CROSS JOIN LATERAL (VALUES
    ('member_no', 'unknown_member', m.id IS NULL),
    ('member_no', 'member_not_active', t.id IS NULL AND m.status <> 'ACTIVE'),
    ('program', 'unknown_program', p.id IS NULL),
    ('program', 'program_not_live', t.id IS NULL AND p.status <> 'LIVE'),
    ('program', 'merchant_is_barred', t.id IS NULL AND EXISTS (SELECT FROM tenancy_merchantbar bar WHERE bar.merchant_id = s.merchant_id AND bar.ended_at IS NULL)),
    ('opened_on', 'opens_in_future', c.opened_on > %(today)s),
    ('last_day', 'ends_before_opening_day', c.last_day < c.opened_on),
    ('last_day', 'term_too_long', c.last_day > c.opened_on + 3660)
) AS found (column_name, code, is_so)
WHERE NOT c.is_bad AND found.is_so
