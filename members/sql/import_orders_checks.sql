-- Rows of an orders file that cannot be facts. An empty part of an identity arrives as NULL. Read by the import engine: (line, column_name, code).
SELECT c.line, found.column_name, found.code
FROM import_checked c
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
CROSS JOIN LATERAL (VALUES
    ('member_no', 'unknown_member', c.member_no IS NOT NULL AND m.id IS NULL),
    ('member_no', 'buyer_missing', c.member_no IS NULL AND c.identity_kind IS NULL AND c.identity_code IS NULL AND c.identity_problem IS NULL),
    ('identity_value', 'identity_incomplete', c.member_no IS NULL AND c.identity_kind IS NOT NULL AND c.identity_code IS NULL AND c.identity_problem IS NULL),
    (CASE WHEN c.identity_problem = 'unknown_identity_kind' THEN 'identity_kind' ELSE 'identity_value' END, c.identity_problem, c.identity_problem IS NOT NULL),
    ('credit_used', 'credit_above_amount', c.credit_used > c.amount),
    ('refunded_amount', 'refund_above_amount', c.refunded_amount > c.amount),
    ('refunded_at', 'refund_without_amount', c.refunded_at IS NOT NULL AND coalesce(c.refunded_amount, 0) = 0),
    ('refunded_at', 'refund_before_payment', c.refunded_at < c.paid_at)
) AS found (column_name, code, is_so)
WHERE NOT c.is_bad AND found.is_so
