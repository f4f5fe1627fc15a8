-- Purpose: restart the 30-day clock of members whose periodic card was sent, or may have been. A clock never goes back.
-- Parameters: ids bigint[] of messages, periodic text[].
-- Rerunnable: yes.
-- Index: primary keys of message and clock.
INSERT INTO campaigns_reminderclock AS clock (member_id, store_id, last_sent_on)
SELECT member_id, min(store_id), max(local_day)
  FROM campaigns_message
 WHERE id = ANY(%(ids)s) AND status IN ('SENT', 'UNKNOWN') AND scenario = ANY(%(periodic)s) AND member_id IS NOT NULL
 GROUP BY member_id
 ORDER BY member_id
ON CONFLICT (member_id) DO UPDATE SET last_sent_on = EXCLUDED.last_sent_on WHERE clock.last_sent_on < EXCLUDED.last_sent_on
