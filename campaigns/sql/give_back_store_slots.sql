-- Purpose: one slot of its store-day counter back for every message that holds none any more.
-- Parameters: ids bigint[] (moved out of the slot-holding states in this transaction), slot_holding text[].
-- Rerunnable: no; the caller passes each message once, as returned by the conditional update that moved it.
-- Index: primary keys of message and counter. The rows are locked already (lock_store_counters).
UPDATE campaigns_storedaycounter AS counter
   SET used = counter.used - gone.slots
  FROM (SELECT store_id, person_id, local_day, count(*) AS slots
          FROM campaigns_message
         WHERE id = ANY(%(ids)s) AND status <> ALL(%(slot_holding)s)
         GROUP BY store_id, person_id, local_day) AS gone
 WHERE counter.store_id = gone.store_id AND counter.person_id = gone.person_id AND counter.local_day = gone.local_day
