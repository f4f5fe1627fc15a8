-- Purpose: store the cards that met a cap, with the cap and what took its slots (as far as committed or decided here).
-- Parameters: local_day date, now timestamptz, store_cap int, person_cap int, slot_holding text[].
-- Rerunnable: with its transaction.
-- Index: message_of_person_and_day. The counters are locked by this transaction, so what took the slots cannot change meanwhile.
INSERT INTO campaigns_message (
       store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, cap_facts, decided_at,
       attempt_count, in_doubt, provider_id, error)
SELECT held_back.store_id, held_back.person_id, held_back.member_id, held_back.scenario, held_back.occasion, %(local_day)s, 'SUPPRESSED', held_back.reason,
       held_back.language, held_back.params,
       jsonb_build_object(
           'cap', held_back.reason,
           'used', CASE held_back.reason WHEN 'store_cap' THEN %(store_cap)s ELSE %(person_cap)s END,
           'taken_by', (SELECT coalesce(jsonb_agg(taker.id ORDER BY taker.id), '[]')
                          FROM campaigns_message AS taker
                         WHERE taker.person_id = held_back.person_id AND taker.local_day = %(local_day)s AND taker.status = ANY(%(slot_holding)s)
                           AND (held_back.reason = 'platform_cap' OR taker.store_id = held_back.store_id))),
       %(now)s, 0, false, '', ''
  FROM held_back
 ORDER BY held_back.store_id, held_back.person_id
