-- Purpose: lifecycle messages by scenario, local day, status and reason.
-- Parameters: stores bigint[] or null (all), first date, last date, scenarios text[]. Rerunnable: it reads. Index: message_lifecycle_day.
SELECT scenario, local_day, status, reason, count(*) AS messages
  FROM campaigns_message
 WHERE scenario IN ('LEVEL_CHANGE', 'FIRST_PURCHASE', 'REPURCHASE', 'DORMANT') AND scenario = ANY(%(scenarios)s)
   AND (%(stores)s::bigint[] IS NULL OR store_id = ANY(%(stores)s::bigint[])) AND local_day BETWEEN %(first)s AND %(last)s
 GROUP BY scenario, local_day, status, reason
