-- What the file tells of each person, one row a person and store, for the statements of ``services.fans``. A no ends a subscription; where there is none
-- it says nothing, so that a later file may tell of the first. Parameters: now.
CREATE TEMP TABLE import_fans ON COMMIT DROP AS
SELECT r.store_id, coalesce(r.person_id, p.person_id) AS person_id, max(r.followed_at) AS followed_at, NULL::timestamptz AS unfollowed_at,
       max(r.followed_at) FILTER (WHERE r.subscribed) AS subscribed_at,
       CASE WHEN bool_or(NOT r.subscribed) AND (bool_or(r.was_subscribed) OR bool_or(r.subscribed)) THEN %(now)s::timestamptz END AS unsubscribed_at,
       max(r.last_seen_at) AS last_seen_at
FROM import_rows r
LEFT JOIN import_people p ON r.person_id IS NULL AND p.identity_code = r.identity_code AND p.identity_hash = r.identity_hash
WHERE r.action IN ('create', 'update')
GROUP BY r.store_id, coalesce(r.person_id, p.person_id)
