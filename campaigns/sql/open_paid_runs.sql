-- Purpose: a run of the local day for each open store that ever sold paid membership, once its send time has passed.
-- Parameters: local_day date, now timestamptz, zone text, default_time time, stores bigint[] or null.
-- Rerunnable: a run is unique per store and day.
-- Index: programs are few, one or two a store.
INSERT INTO campaigns_paidreminderrun (store_id, local_day, status, scheduled_at, due_count, held_back_count)
SELECT seller.store_id, %(local_day)s, 'WAITING', due.at, 0, 0
  FROM (SELECT DISTINCT store_id FROM paid_paidprogram WHERE live_at IS NOT NULL) AS seller
  JOIN tenancy_store AS store ON store.id = seller.store_id AND store.status = 'OPEN'
  LEFT JOIN campaigns_paidremindersetting AS setting ON setting.store_id = seller.store_id
 CROSS JOIN LATERAL (SELECT (%(local_day)s::date + coalesce(setting.send_time, %(default_time)s::time)) AT TIME ZONE %(zone)s AS at) AS due
 WHERE due.at <= %(now)s AND (%(stores)s::bigint[] IS NULL OR seller.store_id = ANY(%(stores)s::bigint[]))
 ORDER BY seller.store_id
    ON CONFLICT (store_id, local_day) DO NOTHING
