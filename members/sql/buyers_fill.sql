-- Buyers out of all order lines, for the migration that brings them. Rows that are there already stay.
-- Parameters: zone. Rerunnable: yes. Reads every order line once.
INSERT INTO members_buyer (store_id, person_id, last_days, last_paid_at, amount)
SELECT store_id, person_id, (array_agg(DISTINCT (paid_at AT TIME ZONE %(zone)s)::date ORDER BY (paid_at AT TIME ZONE %(zone)s)::date DESC))[1:5],
       max(paid_at), sum(amount - refunded_amount)
FROM members_orderline
WHERE refunded_amount < amount
GROUP BY store_id, person_id
ORDER BY store_id, person_id
ON CONFLICT (store_id, person_id) DO NOTHING
