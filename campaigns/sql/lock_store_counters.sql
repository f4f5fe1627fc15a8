-- Purpose: lock the store-day counters of some messages in the order of their key.
-- Parameters: ids bigint[].
-- Rerunnable: it changes nothing.
-- Index: primary keys of message and counter.
SELECT count(*)
  FROM (SELECT counter.used
          FROM campaigns_storedaycounter AS counter
         WHERE (counter.store_id, counter.person_id, counter.local_day)
               IN (SELECT store_id, person_id, local_day FROM campaigns_message WHERE id = ANY(%(ids)s))
         ORDER BY counter.store_id, counter.person_id, counter.local_day
           FOR UPDATE OF counter) AS locked
