-- What was told of some followers, after buyers_lock for the same people: of each kind of news the latest counts, so order and repetition do not.
-- ``told_fans`` stands for a subquery of (store_id, person_id, followed_at, unfollowed_at, subscribed_at, unsubscribed_at, last_seen_at), one row a
-- person, put in by ``services.fans``. Of somebody new the visits told before are looked up. Parameters: view (name of the event), and the subquery's.
-- Rerunnable: yes. Indexes used: fan_once_a_store, event_of_person.
INSERT INTO members_fan AS f (store_id, person_id, followed_at, unfollowed_at, subscribed_at, unsubscribed_at, last_seen_at)
SELECT t.store_id, t.person_id, t.followed_at, t.unfollowed_at, t.subscribed_at, t.unsubscribed_at, greatest(t.last_seen_at, (
           SELECT max(e.occurred_at) FROM members_event e
           WHERE e.person_id = t.person_id AND e.store_id = t.store_id AND e.name = %(view)s))
FROM told_fans t
ORDER BY t.store_id, t.person_id
ON CONFLICT (store_id, person_id) DO UPDATE
SET followed_at = greatest(f.followed_at, excluded.followed_at), unfollowed_at = greatest(f.unfollowed_at, excluded.unfollowed_at),
    subscribed_at = greatest(f.subscribed_at, excluded.subscribed_at), unsubscribed_at = greatest(f.unsubscribed_at, excluded.unsubscribed_at),
    last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at)
WHERE (f.followed_at, f.unfollowed_at, f.subscribed_at, f.unsubscribed_at, f.last_seen_at) IS DISTINCT FROM (
    greatest(f.followed_at, excluded.followed_at), greatest(f.unfollowed_at, excluded.unfollowed_at), greatest(f.subscribed_at, excluded.subscribed_at),
    greatest(f.unsubscribed_at, excluded.unsubscribed_at), greatest(f.last_seen_at, excluded.last_seen_at))
