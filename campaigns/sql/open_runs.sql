-- Purpose: a run of the local day for each store whose send time has passed while its reminders were on.
-- Parameters: local_day date, now timestamptz, zone text, stores bigint[] or null.
-- Rerunnable: a run is unique per store and day.
-- Index: reminder_setting_due.
INSERT INTO campaigns_reminderrun (store_id, local_day, status, scheduled_at, cursor, due_count, balance_count, expiry_count, store_cap_count, platform_cap_count)
SELECT setting.store_id, %(local_day)s, 'WAITING', due.at, 0, 0, 0, 0, 0, 0
  FROM campaigns_remindersetting AS setting
  JOIN tenancy_store AS store ON store.id = setting.store_id AND store.status = 'OPEN'
 CROSS JOIN LATERAL (SELECT (%(local_day)s::date + setting.send_time) AT TIME ZONE %(zone)s AS at) AS due
 WHERE setting.enabled AND due.at <= %(now)s AND (setting.enabled_at IS NULL OR setting.enabled_at <= due.at)
   AND (%(stores)s::bigint[] IS NULL OR setting.store_id = ANY(%(stores)s::bigint[]))
 ORDER BY setting.store_id
    ON CONFLICT (store_id, local_day) DO NOTHING
