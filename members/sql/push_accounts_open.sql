-- A push account for every store that has none. Rerunnable: yes.
INSERT INTO members_pushaccount (store_id, name, broadcast_url, fan_count, subscriber_count, returning_fan_count, seen_fan_count, post_count)
SELECT s.id, '', '', 0, 0, 0, 0, 0
FROM tenancy_store s
WHERE NOT EXISTS (SELECT FROM members_pushaccount a WHERE a.store_id = s.id)
ORDER BY s.id
ON CONFLICT (store_id) DO NOTHING
