-- New lines, in order of their key.
INSERT INTO members_orderline (store_id, order_no, line_no, member_id, person_id, paid_at, amount, credit_used, refunded_amount, refunded_at)
SELECT r.store_id, r.order_no, r.line_no, r.member_id, coalesce(r.person_id, p.person_id), r.paid_at, r.amount, coalesce(r.credit_used, 0),
       coalesce(r.refunded_amount, 0), r.refunded_at
FROM import_rows r
LEFT JOIN import_people p ON r.person_id IS NULL AND p.identity_code = r.identity_code AND p.identity_hash = r.identity_hash
WHERE r.action = 'create'
ORDER BY r.store_id, r.order_no, r.line_no
