-- Purpose: end messages of earlier local days that were not handed over: what certainly did not go missed its day, the rest stays in doubt.
-- Parameters: local_day date (today), batch int.
-- Rerunnable: yes; rows under a live lease are left to their worker, locked ones to the next run.
-- Index: message_to_hand_over.
UPDATE campaigns_message AS message
   SET status = CASE WHEN message.in_doubt THEN 'UNKNOWN' ELSE 'MISSED' END,
       reason = CASE WHEN message.in_doubt THEN '' ELSE 'missed_day' END,
       error = CASE WHEN message.in_doubt THEN 'midnight' ELSE message.error END,
       lease_token = NULL, lease_until = NULL, next_attempt_at = NULL
  FROM (SELECT id FROM campaigns_message
         WHERE status = 'PENDING' AND local_day < %(local_day)s AND (lease_until IS NULL OR lease_until <= clock_timestamp())
         ORDER BY store_id, id
         LIMIT %(batch)s
           FOR UPDATE SKIP LOCKED) AS past
 WHERE message.id = past.id
RETURNING message.id, message.status
