-- Followers who were seen later than was known. ``told_fans`` as in fans_tell; people who do not follow stay unknown.
-- Parameters: zone, and the subquery's. Rerunnable: yes. Index used: fan_once_a_store.
WITH seen AS MATERIALIZED (
    SELECT f.id, t.last_seen_at
    FROM members_fan f
    JOIN told_fans t ON t.store_id = f.store_id AND t.person_id = f.person_id
    WHERE t.last_seen_at > coalesce(f.last_seen_at, '-infinity')
    ORDER BY f.store_id, f.person_id
    FOR NO KEY UPDATE OF f
)
UPDATE members_fan f
SET last_seen_at = seen.last_seen_at, seen_on = CASE WHEN seen.last_seen_at > f.fan_since THEN (seen.last_seen_at AT TIME ZONE %(zone)s)::date END
FROM seen
WHERE f.id = seen.id AND seen.last_seen_at > coalesce(f.last_seen_at, '-infinity')
