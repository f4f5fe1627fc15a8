-- What each good row of a posts file would do. The same post with another time or title is brought up to date; a blank title keeps what is known.
-- Parameters: zone.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT c.line, c.store_id, c.post_id, c.published_at, (c.published_at AT TIME ZONE %(zone)s)::date AS published_on, c.title, p.id AS known_id,
       CASE
           WHEN p.id IS NULL THEN 'create'
           WHEN p.published_at <> c.published_at OR p.title <> coalesce(c.title, p.title) THEN 'update'
           ELSE 'unchanged'
       END AS action
FROM import_checked c
LEFT JOIN members_post p ON p.store_id = c.store_id AND p.post_id = c.post_id
WHERE NOT c.is_bad
