-- Purpose: lock the person-day counters of some messages in the order of their key. After the store-day counters.
-- Parameters: ids bigint[].
-- Rerunnable: it changes nothing.
-- Index: primary keys of message and counter.
SELECT count(*)
  FROM (SELECT counter.used
          FROM campaigns_persondaycounter AS counter
         WHERE (counter.person_id, counter.local_day)
               IN (SELECT person_id, local_day FROM campaigns_message WHERE id = ANY(%(ids)s))
         ORDER BY counter.person_id, counter.local_day
           FOR UPDATE OF counter) AS locked
