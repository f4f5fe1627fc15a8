-- The purchases. Nothing is issued for days that have passed: the engine looks from today on. Parameters: now, today, zone.
INSERT INTO paid_paidmembership (
    store_id, member_id, program_id, pack_id, order_no, source, status, price, is_renewal, created_at, opened_at, anchor_on, months_before,
    starts_on, ends_on, bought_until, next_issue_on, end_reason
)
SELECT store_id, member_id, program_id, pack_id, order_no, 'FILE', 'ACTIVE', price, false, %(now)s, starts_on::timestamp AT TIME ZONE %(zone)s, starts_on, 0,
       starts_on, ends_on, ends_on, CASE WHEN ends_on > %(today)s THEN greatest(starts_on, %(today)s::date) END, ''
FROM import_rows
WHERE action = 'create'
ORDER BY store_id, order_no
