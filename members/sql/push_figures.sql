-- The figures of some stores at a moment, with what was not folded in yet. Parameters: stores bigint[], today, purchase_days, post_days, seen_days.
-- Indexes used: the primary key of the days (at most a window of them a store), the changes by store.
SELECT s.id AS store_id,
       coalesce(a.fan_count, 0) + c.fan_count AS fans, coalesce(a.subscriber_count, 0) + c.subscriber_count AS subscribers,
       w.returning_fans, w.seen_fans, w.posts
FROM unnest(%(stores)s::bigint[]) AS s (id)
LEFT JOIN members_pushaccount a ON a.store_id = s.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.fan_count), 0) AS fan_count, coalesce(sum(p.subscriber_count), 0) AS subscriber_count
    FROM members_pushaccountchange p
    WHERE p.store_id = s.id AND p.day IS NULL
) c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(d.returning_fan_count) FILTER (WHERE d.day > %(today)s::date - %(purchase_days)s), 0) AS returning_fans,
           coalesce(sum(d.seen_fan_count) FILTER (WHERE d.day > %(today)s::date - %(seen_days)s), 0) AS seen_fans,
           coalesce(sum(d.post_count) FILTER (WHERE d.day > %(today)s::date - %(post_days)s), 0) AS posts
    FROM (
        SELECT day, returning_fan_count, seen_fan_count, post_count FROM members_pushaccountday WHERE store_id = s.id
        UNION ALL
        SELECT day, returning_fan_count, seen_fan_count, post_count FROM members_pushaccountchange WHERE store_id = s.id AND day IS NOT NULL
    ) d
    WHERE d.day <= %(today)s::date AND d.day > %(today)s::date - greatest(%(purchase_days)s, %(seen_days)s, %(post_days)s)
) w
ORDER BY s.id
