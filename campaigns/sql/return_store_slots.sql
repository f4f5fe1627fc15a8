-- Purpose: give back the store slots of the cards that the platform cap refused. Their counters are locked by this transaction already.
-- Parameters: local_day date.
-- Rerunnable: with its transaction.
-- Index: primary key of the counter.
UPDATE campaigns_storedaycounter AS counter
   SET used = counter.used - 1
  FROM held_back
 WHERE held_back.reason = 'platform_cap'
   AND counter.store_id = held_back.store_id AND counter.person_id = held_back.person_id AND counter.local_day = %(local_day)s
