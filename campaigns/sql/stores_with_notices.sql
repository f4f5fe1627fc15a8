-- Purpose: stores that have notices to hand over now. There are few, whatever else waits.
-- Parameters: local_day date, stores bigint[] or null (all). Leases and backoff by the real clock.
-- Rerunnable: it changes nothing.
-- Index: message_at_once.
SELECT DISTINCT store_id
  FROM campaigns_message
 WHERE status = 'PENDING' AND scenario = 'AFTER_PAYMENT' AND local_day = %(local_day)s
   AND (next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp())
   AND (lease_until IS NULL OR lease_until <= clock_timestamp())
   AND (%(stores)s::bigint[] IS NULL OR store_id = ANY(%(stores)s::bigint[]))
