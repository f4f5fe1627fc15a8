-- What some buyers bought, counted anew from all their lines: paid, and not refunded in full. Days are local days. A fan among them is told.
-- ``touched_buyers`` as in buyers_lock, which ran before in the same transaction: whoever counts sees the lines of those who counted before.
-- Parameters: zone, and the subquery's. Rerunnable: yes. Indexes used: order_line_of_person, fan_once_a_store.
WITH counted AS MATERIALIZED (
    SELECT t.store_id, t.person_id, max(o.paid_at) AS last_paid_at, coalesce(sum(o.amount - o.refunded_amount), 0) AS amount,
           coalesce((array_agg(DISTINCT o.paid_on ORDER BY o.paid_on DESC) FILTER (WHERE o.paid_on IS NOT NULL))[1:5], '{}') AS last_days
    FROM touched_buyers t
    LEFT JOIN (
        SELECT store_id, person_id, paid_at, (paid_at AT TIME ZONE %(zone)s)::date AS paid_on, amount, refunded_amount
        FROM members_orderline
        WHERE refunded_amount < amount
    ) o ON o.person_id = t.person_id AND o.store_id = t.store_id
    GROUP BY t.store_id, t.person_id
), kept AS (
    UPDATE members_buyer b
    SET last_paid_at = c.last_paid_at, amount = c.amount, last_days = c.last_days
    FROM counted c
    WHERE b.store_id = c.store_id AND b.person_id = c.person_id
      AND (b.last_paid_at, b.amount, b.last_days) IS DISTINCT FROM (c.last_paid_at, c.amount, c.last_days)
), fans AS MATERIALIZED (
    SELECT f.id, c.last_days[2] AS second_day
    FROM members_fan f
    JOIN counted c ON c.store_id = f.store_id AND c.person_id = f.person_id
    WHERE f.second_day IS DISTINCT FROM c.last_days[2]
    ORDER BY f.store_id, f.person_id
    FOR NO KEY UPDATE OF f
)
UPDATE members_fan f SET second_day = fans.second_day FROM fans WHERE f.id = fans.id
