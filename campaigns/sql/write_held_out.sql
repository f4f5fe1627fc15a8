-- Purpose: record who is due and held out: a message that does not go, so that what they buy can be compared. They take no slot.
-- Parameters: local_day date, now timestamptz. Rerunnable: with its transaction.
INSERT INTO campaigns_message (
       store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, decided_at,
       attempt_count, in_doubt, provider_id, error)
SELECT store_id, person_id, member_id, scenario, occasion, %(local_day)s, 'SUPPRESSED', 'held_out', language, params, %(now)s, 0, false, '', ''
  FROM lifecycle_due
 WHERE held_out
 ORDER BY store_id, person_id
