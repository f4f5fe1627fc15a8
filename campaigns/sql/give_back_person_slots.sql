-- Purpose: one slot of its person-day counter back for every message that holds none any more.
-- Parameters: ids bigint[] (moved out of the slot-holding states in this transaction), slot_holding text[].
-- Rerunnable: no; the caller passes each message once, as returned by the conditional update that moved it.
-- Index: primary keys of message and counter. The rows are locked already (lock_person_counters).
UPDATE campaigns_persondaycounter AS counter
   SET used = counter.used - gone.slots
  FROM (SELECT person_id, local_day, count(*) AS slots
          FROM campaigns_message
         WHERE id = ANY(%(ids)s) AND status <> ALL(%(slot_holding)s)
         GROUP BY person_id, local_day) AS gone
 WHERE counter.person_id = gone.person_id AND counter.local_day = gone.local_day
