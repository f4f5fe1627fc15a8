-- Take the oldest changes of figures and add them up by store and day. Only one folds at a time (``services.push_accounts``), and a change comes after
-- those it rests on, so no figure is ever below zero. Parameters: most. Leaves the temporary table ``folded``.
CREATE TEMP TABLE folded ON COMMIT DROP AS
WITH taken AS (
    DELETE FROM members_pushaccountchange
    WHERE id IN (SELECT id FROM members_pushaccountchange ORDER BY id LIMIT %(most)s)
    RETURNING store_id, day, fan_count, subscriber_count, returning_fan_count, seen_fan_count, post_count
)
SELECT store_id, day, sum(fan_count) AS fan_count, sum(subscriber_count) AS subscriber_count, sum(returning_fan_count) AS returning_fan_count,
       sum(seen_fan_count) AS seen_fan_count, sum(post_count) AS post_count
FROM taken
GROUP BY store_id, day
