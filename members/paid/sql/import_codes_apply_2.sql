-- What waits for a code of these lists is tried again by the next run of the issue engine. Parameters: now.
UPDATE paid_benefitissue i
SET retry_at = %(now)s
FROM (SELECT DISTINCT store_id, pool FROM import_rows WHERE action = 'create') came
JOIN paid_benefit b ON b.code_pool = came.pool
WHERE i.store_id = came.store_id AND i.benefit_id = b.id AND i.status = 'FAILED' AND i.retry_at > %(now)s
