-- Lock members whose order lines this transaction wrote, in order of their id, so that the count that follows sees the lines of everybody
-- who wrote some before: an import and a payment of one member never count past each other.
-- ``touched_members`` as in purchases_count. Rerunnable: it changes nothing. Index used: the members' primary key.
SELECT count(*)
FROM (SELECT m.id FROM members_member m WHERE m.id IN (SELECT member_id FROM touched_members t) ORDER BY m.id FOR NO KEY UPDATE) locked
