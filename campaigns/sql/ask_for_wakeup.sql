-- Purpose: note that a worker is asked to look at a store's notices. A row comes back as changed for exactly one of any number of askers,
--   until the task begins (asked_at NULL again) or the patience is over.
-- Parameters: store bigint, patience interval. By the real clock.
-- Rerunnable: yes.
-- Index: primary key. The first condition keeps those who ask meanwhile from locking the row.
INSERT INTO campaigns_wakeup AS wakeup (store_id, asked_at)
SELECT %(store)s, clock_timestamp()
 WHERE NOT EXISTS (SELECT FROM campaigns_wakeup WHERE store_id = %(store)s AND asked_at > clock_timestamp() - %(patience)s)
    ON CONFLICT (store_id) DO UPDATE SET asked_at = clock_timestamp()
 WHERE wakeup.asked_at IS NULL OR wakeup.asked_at <= clock_timestamp() - %(patience)s
