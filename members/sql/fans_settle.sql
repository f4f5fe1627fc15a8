-- What stands beside the state of some followers, after it changed: their second purchase day counted back, and the local day of their last visit if
-- that came after they followed. ``touched_buyers`` as in buyers_lock, which ran before in the same transaction. Parameters: zone, and the subquery's.
-- Rerunnable: yes. Index used: fan_once_a_store.
UPDATE members_fan f
SET second_day = b.last_days[2], seen_on = CASE WHEN f.last_seen_at > f.fan_since THEN (f.last_seen_at AT TIME ZONE %(zone)s)::date END
FROM touched_buyers t
JOIN members_buyer b ON b.store_id = t.store_id AND b.person_id = t.person_id
WHERE f.store_id = t.store_id AND f.person_id = t.person_id
  AND (f.second_day IS DISTINCT FROM b.last_days[2]
       OR f.seen_on IS DISTINCT FROM CASE WHEN f.last_seen_at > f.fan_since THEN (f.last_seen_at AT TIME ZONE %(zone)s)::date END)
