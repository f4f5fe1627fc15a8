-- The figures that lists show: of stores that changed, and of all whose figures stand as of another day (so once a day of each store).
-- Totals grow by what was folded; a window is the sum over its days. Parameters: today, purchase_days, post_days, seen_days. Answers the stores.
-- Index used: the primary key of the days.
UPDATE members_pushaccount a
SET fan_count = a.fan_count + coalesce(f.fan_count, 0), subscriber_count = a.subscriber_count + coalesce(f.subscriber_count, 0),
    returning_fan_count = w.returning_fan_count, seen_fan_count = w.seen_fan_count, post_count = w.post_count, figures_on = %(today)s
FROM members_pushaccount o
LEFT JOIN folded f ON f.store_id = o.store_id AND f.day IS NULL
CROSS JOIN LATERAL (
    SELECT coalesce(sum(d.returning_fan_count) FILTER (WHERE d.day > %(today)s::date - %(purchase_days)s), 0) AS returning_fan_count,
           coalesce(sum(d.seen_fan_count) FILTER (WHERE d.day > %(today)s::date - %(seen_days)s), 0) AS seen_fan_count,
           coalesce(sum(d.post_count) FILTER (WHERE d.day > %(today)s::date - %(post_days)s), 0) AS post_count
    FROM members_pushaccountday d
    WHERE d.store_id = o.store_id AND d.day <= %(today)s::date AND d.day > %(today)s::date - greatest(%(purchase_days)s, %(seen_days)s, %(post_days)s)
) w
WHERE a.store_id = o.store_id
  AND (o.figures_on IS DISTINCT FROM %(today)s::date OR EXISTS (SELECT FROM folded c WHERE c.store_id = o.store_id))
RETURNING a.store_id
