-- Merchants that nobody knows yet. Parameters: now.
INSERT INTO tenancy_merchant (code, name, status, created_at)
SELECT merchant, coalesce(min(merchant_name), merchant), 'ACTIVE', %(now)s
FROM import_rows
WHERE action IN ('create', 'update') AND merchant_id IS NULL
GROUP BY merchant
ORDER BY merchant
