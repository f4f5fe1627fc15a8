-- What each row of a fans file would change. A file says what stood when it was made and cannot say when it was made, so it never undoes what was told
-- since: subscribed=1 counts from followed_at, and a later unsubscribing or unfollowing holds (``subscription_kept``, ``unfollow_kept``). A no is
-- always taken: subscribed=0 ends a subscription now. A blank changes nothing. Parameters: now.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT r.*,
       r.is_gone AS unfollow_kept,
       coalesce(r.subscribed AND NOT r.is_gone AND r.known_unsubscribed_at >= r.followed_at AND NOT r.was_subscribed, false) AS subscription_kept,
       CASE
           WHEN r.fan_id IS NULL THEN 'create'
           WHEN r.followed_at > coalesce(r.known_followed_at, '-infinity') OR r.last_seen_at > coalesce(r.known_seen_at, '-infinity')
                OR r.subscribed AND r.followed_at > coalesce(r.known_subscribed_at, '-infinity')
                OR NOT r.subscribed AND r.was_subscribed THEN 'update'
           ELSE 'unchanged'
       END AS action
FROM (
    SELECT t.*, f.id AS fan_id, f.followed_at AS known_followed_at, f.subscribed_at AS known_subscribed_at, f.unsubscribed_at AS known_unsubscribed_at,
           f.last_seen_at AS known_seen_at, coalesce(f.subscribed, false) AS was_subscribed,
           coalesce(f.unfollowed_at >= t.followed_at AND f.fan_since IS NULL, false) AS is_gone
    FROM import_told t
    LEFT JOIN members_fan f ON f.store_id = t.store_id AND f.person_id = t.person_id
) r
