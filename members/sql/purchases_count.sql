-- What some members bought, counted anew from all their lines: paid, and not refunded in full. Days are local days.
-- ``touched_members`` stands for a subquery of (member_id, store_id), put in by ``services.purchases``. Parameters: zone, and the subquery's.
-- Rerunnable: yes, after purchases_lock in the same transaction: whoever counts waits for the lines of those who counted before.
-- Index used: order_line_of_member.
INSERT INTO members_purchasesummary AS s (member_id, store_id, first_purchase_at, last_purchase_at, last_days, order_count, amount)
SELECT t.member_id, t.store_id, min(o.paid_at), max(o.paid_at),
       coalesce((array_agg(DISTINCT o.paid_on ORDER BY o.paid_on DESC) FILTER (WHERE o.paid_on IS NOT NULL))[1:5], '{}'),
       count(DISTINCT o.order_no), coalesce(sum(o.amount - o.refunded_amount), 0)
FROM touched_members t
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
