-- What the touched members bought, counted anew from all their lines: paid, and not refunded in full. Days are local days.
-- Parameters: zone. Rerunnable. Index used: order_line_of_member.
INSERT INTO members_purchasesummary AS s (member_id, store_id, first_purchase_at, last_purchase_at, last_days, order_count, amount)
SELECT t.member_id, t.store_id, min(o.paid_at), max(o.paid_at),
       coalesce((array_agg(DISTINCT o.paid_on ORDER BY o.paid_on DESC) FILTER (WHERE o.paid_on IS NOT NULL))[1:5], '{}'),
       count(DISTINCT o.order_no), coalesce(sum(o.amount - o.refunded_amount), 0)
FROM (SELECT DISTINCT member_id, store_id FROM import_rows WHERE action IN ('create', 'update') AND member_id IS NOT NULL) t
LEFT JOIN (
    SELECT member_id, order_no, paid_at, (paid_at AT TIME ZONE %(zone)s)::date AS paid_on, amount, refunded_amount
    FROM members_orderline
    WHERE refunded_amount < amount
) o ON o.member_id = t.member_id
GROUP BY t.member_id, t.store_id
ORDER BY t.member_id
ON CONFLICT (member_id) DO UPDATE
SET first_purchase_at = excluded.first_purchase_at, last_purchase_at = excluded.last_purchase_at, last_days = excluded.last_days,
    order_count = excluded.order_count, amount = excluded.amount
