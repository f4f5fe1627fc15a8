-- Posts that were told with another time or title before.
UPDATE members_post p
SET title = coalesce(r.title, p.title), published_at = r.published_at, published_on = r.published_on
FROM import_rows r
WHERE r.action = 'update' AND p.id = r.known_id
