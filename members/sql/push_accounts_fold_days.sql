-- Add what was folded to the days of its stores. A day that is new begins at zero.
WITH opened AS (
    INSERT INTO members_pushaccountday (store_id, day, returning_fan_count, seen_fan_count, post_count)
    SELECT store_id, day, returning_fan_count, seen_fan_count, post_count
    FROM folded f
    WHERE day IS NOT NULL AND NOT EXISTS (SELECT FROM members_pushaccountday d WHERE d.store_id = f.store_id AND d.day = f.day)
    ORDER BY store_id, day
)
UPDATE members_pushaccountday d
SET returning_fan_count = d.returning_fan_count + f.returning_fan_count, seen_fan_count = d.seen_fan_count + f.seen_fan_count,
    post_count = d.post_count + f.post_count
FROM folded f
WHERE d.store_id = f.store_id AND d.day = f.day
