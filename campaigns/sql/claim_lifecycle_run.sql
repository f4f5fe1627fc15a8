-- Purpose: lock the open run that is due, that nobody else is deciding and that goes first: by the rank of its scenario, then by store. A run waits while
--   one of a higher rank of its store is open.
-- Parameters: local_day date, now timestamptz, ranks text[], scenarios text[], quiet bigint[] (runs in quiet hours), stores bigint[] or null.
-- Rerunnable: it changes nothing; the lock goes with the transaction. Index: lifecycle_run_open.
SELECT run.id
  FROM campaigns_lifecyclerun AS run
 WHERE run.status IN ('WAITING', 'DECIDING') AND run.local_day = %(local_day)s AND run.scheduled_at <= %(now)s AND run.id <> ALL(%(quiet)s::bigint[])
   AND run.scenario = ANY(%(scenarios)s) AND (%(stores)s::bigint[] IS NULL OR run.store_id = ANY(%(stores)s::bigint[]))
   AND NOT EXISTS (
       SELECT FROM campaigns_lifecyclerun AS first
        WHERE first.store_id = run.store_id AND first.local_day = run.local_day AND first.status IN ('WAITING', 'DECIDING') AND first.scheduled_at <= %(now)s
          AND first.id <> ALL(%(quiet)s::bigint[]) AND first.scenario = ANY(%(scenarios)s)
          AND array_position(%(ranks)s, first.scenario::text) < array_position(%(ranks)s, run.scenario::text))
 ORDER BY array_position(%(ranks)s, run.scenario::text), run.store_id
 LIMIT 1
   FOR UPDATE OF run SKIP LOCKED
