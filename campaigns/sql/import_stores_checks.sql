-- Rows of a stores file that cannot be applied. Read by the import engine: (line, column_name, code).
SELECT c.line, found.column_name, found.code
FROM (
    SELECT *, min(merchant_name) OVER same_merchant IS DISTINCT FROM max(merchant_name) OVER same_merchant AS names_differ,
           min(tier) OVER same_merchant IS DISTINCT FROM max(tier) OVER same_merchant AS tiers_differ
    FROM import_checked
    WHERE NOT is_bad
    WINDOW same_merchant AS (PARTITION BY merchant)
) c
LEFT JOIN tenancy_store s ON s.code = c.store
LEFT JOIN tenancy_merchant m ON m.code = c.merchant
CROSS JOIN LATERAL (VALUES
    ('merchant_name', 'merchant_contradicts', c.names_differ),
    ('tier', 'merchant_contradicts', c.tiers_differ),
    ('gateway_url', c.gateway_problem, c.gateway_problem IS NOT NULL),
    ('reminders', 'reminders_of_closed_store', c.reminders AND s.status <> 'OPEN'),
    ('reminders', 'reminders_of_barred_merchant', c.reminders
        AND EXISTS (SELECT 1 FROM tenancy_merchantbar b WHERE b.merchant_id = m.id AND b.ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM campaigns_remindersetting r WHERE r.store_id = s.id AND r.enabled))
) AS found (column_name, code, is_so)
WHERE found.is_so
