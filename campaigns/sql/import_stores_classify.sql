-- What each good row of a stores file would do. A blank changes nothing. Parameters: today.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT r.*,
       CASE
           WHEN r.store_id IS NULL THEN 'create'
           WHEN r.is_of_other_merchant THEN 'conflict'
           WHEN r.store_changes OR r.merchant_changes OR r.tier_changes OR r.reminder_changes THEN 'update'
           ELSE 'unchanged'
       END AS action
FROM (
    SELECT c.*, s.id AS store_id, m.id AS merchant_id,
           s.merchant_id IS DISTINCT FROM m.id AS is_of_other_merchant,
           s.name <> c.name OR s.category <> c.category OR s.gateway_url <> c.gateway_url OR coalesce(c.secret_changes, false) AS store_changes,
           coalesce(m.name <> c.merchant_name, false) AS merchant_changes,
           c.tier IS NOT NULL AND c.tier IS DISTINCT FROM t.tier AS tier_changes,
           coalesce(c.reminders <> coalesce(g.enabled, false), false) OR c.reminder_time IS NOT NULL AND c.reminder_time IS DISTINCT FROM g.send_time
               AS reminder_changes
    FROM import_checked c
    LEFT JOIN tenancy_store s ON s.code = c.store
    LEFT JOIN tenancy_merchant m ON m.code = c.merchant
    LEFT JOIN tenancy_merchanttier t ON t.merchant_id = m.id AND t.valid_from <= %(today)s AND (t.valid_to IS NULL OR t.valid_to > %(today)s)
    LEFT JOIN campaigns_remindersetting g ON g.store_id = s.id
    WHERE NOT c.is_bad
) r
