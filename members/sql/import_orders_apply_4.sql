-- Refunds that grew. Only growing is written, whatever happened since the rows were compared.
UPDATE members_orderline o
SET refunded_amount = r.refunded_amount, refunded_at = coalesce(r.refunded_at, o.refunded_at)
FROM import_rows r
WHERE r.action = 'update' AND o.id = r.order_line_id AND o.refunded_amount < r.refunded_amount
