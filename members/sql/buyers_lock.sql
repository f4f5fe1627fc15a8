-- Open and lock the rows of some buyers, in order of their key: whoever counts purchases, or writes a fan, waits here for who did so before.
-- ``touched_buyers`` stands for a subquery of distinct (store_id, person_id), put in by ``services.purchases``. A row that is there is locked and
-- not written: its update never applies. Rerunnable: yes. Index used: the primary key.
INSERT INTO members_buyer AS b (store_id, person_id, last_days, amount)
SELECT t.store_id, t.person_id, '{}', 0
FROM touched_buyers t
ORDER BY t.store_id, t.person_id
ON CONFLICT (store_id, person_id) DO UPDATE SET amount = b.amount WHERE false
