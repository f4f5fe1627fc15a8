-- Read back by name: whoever made a tag, it is there now.
INSERT INTO members_membertag (member_id, tag_id)
SELECT m.id, t.id
FROM import_tag n
JOIN members_member m ON m.store_id = n.store_id AND m.member_no = n.member_no
JOIN members_tag t ON t.store_id = n.store_id AND t.name = n.name
WHERE NOT n.is_there
ORDER BY 1, 2
ON CONFLICT DO NOTHING
