-- Purpose: take the slots of both caps for the due cards and write the messages of those who got both; the others go to held_back.
-- Parameters: local_day date, now timestamptz, store_cap int, person_cap int (less what the scenario leaves free), scenarios text[] (in the order of their rank).
-- Rerunnable: with its transaction, which also moves the runs' cursors; due_card is made anew then.
-- Indexes: the counters' primary keys. Store counters are locked before person counters, each in the order of its key.
-- Result: cards by store, scenario and reason (empty: the message waits to be handed over).
WITH store_slot AS (
    INSERT INTO campaigns_storedaycounter AS counter (store_id, person_id, local_day, used, granted)
    SELECT store_id, person_id, %(local_day)s, 1, 1 FROM due_card ORDER BY store_id, person_id
    ON CONFLICT (store_id, person_id, local_day) DO UPDATE SET used = counter.used + 1, granted = 1 WHERE counter.used < %(store_cap)s
    RETURNING store_id, person_id),
ranked AS MATERIALIZED (
    -- Who waits longest goes first among cards of equal rank: no store always takes a person's last slot.
    SELECT due_card.*, row_number() OVER (PARTITION BY person_id ORDER BY array_position(%(scenarios)s, scenario), last_sent_on NULLS FIRST, member_id) AS place
      FROM due_card JOIN store_slot USING (store_id, person_id)),
person_slot AS (
    INSERT INTO campaigns_persondaycounter AS counter (person_id, local_day, used, granted)
    SELECT person_id, %(local_day)s, least(%(person_cap)s, max(place)), least(%(person_cap)s, max(place)) FROM ranked GROUP BY person_id ORDER BY person_id
    ON CONFLICT (person_id, local_day) DO UPDATE
       SET used = greatest(counter.used, least(%(person_cap)s, counter.used + excluded.used)),
           granted = greatest(0, least(%(person_cap)s - counter.used, excluded.used))
    RETURNING person_id, granted),
written AS (
    INSERT INTO campaigns_message (
           store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, decided_at,
           attempt_count, in_doubt, provider_id, error)
    SELECT store_id, person_id, member_id, scenario, occasion, %(local_day)s, 'PENDING', '', language, params, %(now)s, 0, false, '', ''
      FROM ranked JOIN person_slot USING (person_id)
     WHERE place <= granted
     ORDER BY store_id, person_id
    RETURNING store_id, scenario),
refused AS (
    INSERT INTO held_back (store_id, person_id, member_id, language, scenario, occasion, params, reason)
    SELECT store_id, person_id, member_id, language, scenario, occasion, params, 'platform_cap' FROM ranked JOIN person_slot USING (person_id) WHERE place > granted
    UNION ALL
    SELECT store_id, person_id, member_id, language, scenario, occasion, params, 'store_cap' FROM due_card
     WHERE NOT EXISTS (SELECT FROM store_slot WHERE store_slot.store_id = due_card.store_id AND store_slot.person_id = due_card.person_id)
    RETURNING store_id, scenario, reason)
SELECT store_id, scenario, reason, count(*) AS cards
  FROM (SELECT store_id, scenario, '' AS reason FROM written UNION ALL SELECT store_id, scenario, reason FROM refused) AS decided
 GROUP BY store_id, scenario, reason
