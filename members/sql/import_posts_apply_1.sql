-- New posts, in order of their key.
INSERT INTO members_post (store_id, post_id, title, published_at, published_on)
SELECT store_id, post_id, coalesce(title, ''), published_at, published_on
FROM import_rows
WHERE action = 'create'
ORDER BY store_id, post_id
